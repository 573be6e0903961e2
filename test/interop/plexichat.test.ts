import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/presence/clock.ts';
import type { PlexichatServer } from '../helpers/plexichat-server/server.ts';
import { startPlexichatServer } from '../helpers/plexichat-server/server.ts';
import type { RunningBridge } from '../helpers/process.ts';
import { OPERATOR, runBridge } from '../helpers/process.ts';

/** Until when something is waited for that takes but a moment; machines may be slow. */
const SOON = { timeout: 30_000, interval: 50 };
const MATRIX_ID = '@cleo:localhost';

/** A bridge as it is run, beside a Plexichat server with every defect of the real one. */
describe('a bridge beside a Plexichat server', () => {
  const data = mkdtempSync(join(tmpdir(), 'plexibridge-beside-'));
  let server: PlexichatServer;
  let bridge: RunningBridge;
  let cleo: { id: string; token: string };
  let dan: { id: string; token: string };
  /** A Matrix token of somebody who only looks. */
  let reader: string;
  /** Cleo's own Matrix token at the bridge. */
  let matrixToken: string;

  beforeAll(async () => {
    server = await startPlexichatServer({ clock: systemClock, bypassSecret: 'let-us-in' });
    const ours = server.addUser({ username: 'the_bridge' });
    cleo = server.addUser({ username: 'cleo' });
    dan = server.addUser({ username: 'dan' });
    server.befriend(ours.id, cleo.id);
    server.addGuild([ours.id, dan.id]);
    server.userConnects(dan.id);
    bridge = await runBridge(data, {
      PLEXIBRIDGE__PLEXICHAT__SERVER__URL: server.url,
      PLEXIBRIDGE__PLEXICHAT__SERVER__TOKEN: ours.token,
      PLEXIBRIDGE__PLEXICHAT__SERVER__TOKEN_KEY: Buffer.alloc(32, 7).toString('base64url'),
      PLEXIBRIDGE__PLEXICHAT__SERVER__RATE_LIMIT_BYPASS: 'let-us-in',
    });
    const { body } = await operate('POST', '/people', { matrix_id: '@reader:localhost' });
    reader = await tokenOf(body.id);
  });

  afterAll(async () => {
    await bridge.end('SIGTERM');
    await server[Symbol.asyncDispose]();
    rmSync(data, { recursive: true, force: true });
  });

  function operate(method: 'GET' | 'POST', path: string, body?: unknown) {
    return bridge.call(method, `/bridge/v1${path}`, OPERATOR, body);
  }

  async function tokenOf(person: string): Promise<string> {
    const { body } = await operate('POST', `/people/${person}/tokens`, { network: 'matrix' });
    return body.token;
  }

  const onMatrix = async (id: string) =>
    (await bridge.call('GET', `/_matrix/client/v3/presence/${id}/status`, reader)).body;
  const standIn = (id: string) => `@_plexichat_${id}:localhost`;

  it('is up and says so', async () => {
    await expect
      .poll(async () => (await operate('GET', '/servers')).body.servers, SOON)
      .toMatchObject([{ name: 'Plexichat server', state: 'up', reason: null, warnings: [] }]);
  });

  it('knows who was there before it came, by her name', async () => {
    await expect.poll(() => onMatrix(standIn(dan.id)), SOON).toMatchObject({ presence: 'online' });
    const { body } = await operate('GET', `/people/${dan.id}`);
    expect(body).toMatchObject({ display_name: 'dan', linked: false });
  });

  it('is told what its users say', async () => {
    server.userConnects(cleo.id);
    await expect.poll(() => onMatrix(standIn(cleo.id)), SOON).toMatchObject({ presence: 'online' });
    server.userWrites(cleo.id, { status: 'idle', custom_status: 'reading', custom_emoji: ':book:' });
    await expect
      .poll(() => onMatrix(standIn(cleo.id)), SOON)
      .toMatchObject({ presence: 'unavailable', status_msg: '📖 reading' });
  });

  it('lets in by its tokens, and not by others', async () => {
    const path = `/api/v1/users/${cleo.id}/presence`;
    expect((await bridge.call('GET', path, cleo.token)).body).toMatchObject({ status: 'idle' });
    expect((await bridge.call('GET', path, `${cleo.id}.nonsense`)).status).toBe(401);
  });

  it('shows a linked person there as she is here, with the token that she gave', async () => {
    server.userDisconnects(cleo.id);
    await expect.poll(() => onMatrix(standIn(cleo.id)), SOON).toMatchObject({ presence: 'offline' });
    const { body } = await operate('POST', '/people', { matrix_id: MATRIX_ID });
    matrixToken = await tokenOf(body.id);
    await operate('POST', '/links', { plexichat_id: cleo.id, matrix_id: MATRIX_ID });
    const give = { token: cleo.token };
    const given = await bridge.call('PUT', '/bridge/v1/me/server-tokens/plexichat', matrixToken, give);
    expect(given.status).toBe(204);
    const status = `/_matrix/client/v3/presence/${MATRIX_ID}/status`;
    await bridge.call('PUT', status, matrixToken, { presence: 'online', status_msg: 'from afar' });
    await expect
      .poll(() => server.status(cleo.id), SOON)
      .toMatchObject({ status: 'online', text: 'from afar' });
    expect(server.identifies.filter(({ userId }) => userId === cleo.id)).toEqual([]);
  });

  it('does not show her there when she hides there', async () => {
    server.userWrites(cleo.id, { status: 'invisible' });
    await expect.poll(() => onMatrix(MATRIX_ID), SOON).toMatchObject({ presence: 'offline' });
    const status = `/_matrix/client/v3/presence/${MATRIX_ID}/status`;
    await bridge.call('PUT', status, matrixToken, { presence: 'online', status_msg: 'not for you' });
    // Whatever another says later is written later.
    server.userWrites(dan.id, { status: 'dnd', custom_status: 'later' });
    await expect.poll(() => onMatrix(standIn(dan.id)), SOON).toMatchObject({ status_msg: 'later' });
    expect(server.status(cleo.id)).toMatchObject({ status: 'invisible' });
    expect(await onMatrix(MATRIX_ID)).toMatchObject({ presence: 'offline' });
  });

  it('follows it through a restart, and what was said in the gap', async () => {
    await server.sockets.restart(0);
    server.userWrites(dan.id, { status: 'online' });
    await expect.poll(() => onMatrix(standIn(dan.id)), SOON).toMatchObject({ presence: 'online' });
  });
});

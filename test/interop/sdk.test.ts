import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { RunningBridge } from '../helpers/process.ts';
import { OPERATOR, runBridge } from '../helpers/process.ts';

const CLIENT = fileURLToPath(new URL('./sdk/client.js', import.meta.url));
const INSTALLED = existsSync(new URL('./sdk/node_modules/matrix-js-sdk', import.meta.url));
const NEW_ENOUGH = Number(process.versions.node.split('.')[0]) >= 22;
const RUNNABLE = INSTALLED && NEW_ENOUGH;
const WANTED = process.env['SDK_INTEROP'] === 'required';
if (!RUNNABLE && !WANTED) {
  console.warn('SKIPPED: matrix-js-sdk needs Node ≥ 22 and `npm ci --prefix test/interop/sdk`');
}

/** Messages of a peer, in order; each is waited for once. */
class Inbox {
  readonly #messages: any[] = [];
  readonly #waiting: { matches: (message: any) => boolean; resolve: (message: any) => void }[] = [];

  push(message: unknown): void {
    const index = this.#waiting.findIndex(({ matches }) => matches(message));
    if (index < 0) this.#messages.push(message);
    else this.#waiting.splice(index, 1)[0]?.resolve(message);
  }

  /** The first message, come or to come, that matches. */
  next(matches: (message: any) => boolean): Promise<any> {
    const index = this.#messages.findIndex(matches);
    if (index >= 0) return Promise.resolve(this.#messages.splice(index, 1)[0]);
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }
}

interface Person {
  readonly id: string;
  readonly token: string;
}

let data: string;
let bridge: RunningBridge;
let pat: Person;
let max: Person;
let sdk: ChildProcess;
const told = new Inbox();
let gateway: WebSocket;
const frames = new Inbox();

async function makePerson(network: 'plexichat' | 'matrix', id: string): Promise<Person> {
  const { body } = await bridge.call('POST', '/bridge/v1/people', OPERATOR, { [`${network}_id`]: id });
  const path = `/bridge/v1/people/${body.id}/tokens`;
  return { id, token: (await bridge.call('POST', path, OPERATOR, { network })).body.token };
}

/** Resolves once the client has carried out the command, with what it learned by it. */
async function command(name: string, argument?: unknown): Promise<any> {
  sdk.stdin?.write(`${JSON.stringify([name, argument])}\n`);
  const answer = await told.next(({ done, failed }) => done === name || failed === name);
  expect(answer.error).toBeUndefined();
  return answer.result;
}

describe.runIf(RUNNABLE || WANTED)('unmodified clients of both networks', () => {
  const PAT = '175928847299117063';
  const MAX = '@max:localhost';
  const PAT_ON_MATRIX = `@_plexichat_${PAT}:localhost`;

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'plexibridge-sdk-'));
    bridge = await runBridge(data);
    pat = await makePerson('plexichat', PAT);
    max = await makePerson('matrix', MAX);
    const list = `/_matrix/client/api/v1/presence/list/`;
    await bridge.call('POST', list + MAX, max.token, { invite: [PAT_ON_MATRIX] });
    const person = await bridge.call('GET', `/bridge/v1/people/${PAT}`, OPERATOR);
    const { token } = (
      await bridge.call('POST', `/bridge/v1/people/${person.body.id}/tokens`, OPERATOR, { network: 'matrix' })
    ).body;
    await bridge.call('POST', list + PAT_ON_MATRIX, token, { invite: [MAX] });

    sdk = spawn(process.execPath, [CLIENT], {
      env: { PATH: process.env['PATH'], BASE_URL: bridge.url, ACCESS_TOKEN: max.token, USER_ID: MAX },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    createInterface({ input: sdk.stdout! }).on('line', (line) => told.push(JSON.parse(line)));
    gateway = new WebSocket(`${bridge.url.replace('http', 'ws')}/gateway`);
    gateway.on('message', (frame: Buffer) => frames.push(JSON.parse(frame.toString())));
    await frames.next(({ op }) => op === 10);
    gateway.send(JSON.stringify({ op: 2, d: { token: pat.token, intents: 256 } }));
    await frames.next(({ t }) => t === 'READY');
  }, 60_000);

  afterAll(async () => {
    sdk.kill('SIGKILL');
    gateway.terminate();
    await bridge.end('SIGTERM');
    await rm(data, { recursive: true, force: true });
  });

  it('matrix-js-sdk starts, and reaches PREPARED', async () => {
    await command('start');
    await told.next(({ sync }) => sync === 'PREPARED');
    expect(await command('whoami')).toMatchObject({ user_id: MAX });
  });

  it('it sees a Plexichat client change her status', async () => {
    gateway.send(JSON.stringify({ op: 3, d: { status: 'dnd', custom_status: 'in a call' } }));
    const seen = await told.next(
      ({ user, presence }) => user === PAT_ON_MATRIX && presence === 'unavailable',
    );
    expect(seen.status).toBe('in a call');
    await bridge.call('PUT', '/api/v1/users/@me/presence', pat.token, { status: 'online' });
    await told.next(({ user, presence }) => user === PAT_ON_MATRIX && presence === 'online');
  });

  it('it sets and gets presence, and the Plexichat client sees it', async () => {
    await command('setPresence', { presence: 'unavailable', status_msg: 'out for lunch' });
    const update = await frames.next(
      ({ t, d }) => t === 'PRESENCE_UPDATE' && d.custom_status === 'out for lunch',
    );
    expect(update.d).toMatchObject({ status: 'idle', custom_emoji: null });
    expect(await command('getPresence', MAX)).toMatchObject({
      presence: 'unavailable',
      status_msg: 'out for lunch',
    });
  });
});

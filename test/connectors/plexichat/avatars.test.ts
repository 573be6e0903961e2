import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Outbound } from '../../../src/connectors/outbound.ts';
import { Avatars, MAX_AVATAR_BYTES } from '../../../src/connectors/plexichat/avatars.ts';
import { PlexichatBudgets } from '../../../src/connectors/plexichat/budgets.ts';
import { ManualClock } from '../../helpers/clock.ts';

const PICTURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff]);

let base: string;
let avatars: Avatars;
let requests: IncomingMessage[];
let answer: (response: ServerResponse) => void;
let owned: (() => unknown)[];

beforeEach(async () => {
  requests = [];
  answer = (response) => response.writeHead(200, { 'content-type': 'image/PNG; x=y' }).end(PICTURE);
  const http = createServer((request, response) => {
    requests.push(request);
    answer(response);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  owned = [
    () => {
      http.closeAllConnections();
      http.close();
    },
  ];
  avatars = avatarsOf(base);
});

function avatarsOf(baseUrl: string): Avatars {
  const clock = new ManualClock();
  const budgets = new PlexichatBudgets({ requestsPerMinute: 60, requestsPerDay: 9000, bypass: false, clock });
  const limits = { timeoutMs: 100, maxBodyBytes: MAX_AVATAR_BYTES, connections: 2 };
  const outbound = new Outbound({ ...limits, baseUrl, userAgent: 'plexibridge/test' });
  owned.push(
    () => outbound[Symbol.asyncDispose](),
    () => budgets[Symbol.dispose](),
  );
  return new Avatars({ outbound, baseUrl, budgets, clock, rateLimitBypass: 'open' });
}

afterEach(async () => {
  for (const end of owned.reverse()) await end();
});

const get = (path = '/api/v1/avatars/users/5') => avatars.get(base + path);

describe('an avatar', () => {
  it('comes as it is, without a token', async () => {
    expect(await get('/api/v1/avatars/users/5?size=64')).toEqual({
      bytes: new Uint8Array(PICTURE),
      type: 'image/png',
    });
    expect(requests[0]).toMatchObject({ url: '/api/v1/avatars/users/5?size=64', method: 'GET' });
    expect(requests[0]!.headers).toMatchObject({ 'x-ratelimit-bypass': 'open' });
    expect(requests[0]!.headers.authorization).toBeUndefined();
  });

  it('is asked for on the server alone', async () => {
    const urls = [
      'http://127.0.0.1:1/api/v1/avatars/users/5',
      'nonsense',
      `${base}/other`,
      `${base}/api/v1/../../x`,
    ];
    for (const url of urls) await expect(avatars.get(url)).rejects.toMatchObject({ kind: 'refused' });
    expect(requests).toEqual([]);
  });

  it.each([
    ['no type', 200, {}, PICTURE],
    ['a type that can hold scripts', 200, { 'content-type': 'image/svg+xml' }, PICTURE],
    ['text', 200, { 'content-type': 'text/html' }, PICTURE],
    ['nothing', 200, { 'content-type': 'image/png' }, Buffer.alloc(0)],
  ])('is garbage with %s', async (_name, status, headers, body) => {
    answer = (response) => response.writeHead(status, headers).end(body);
    await expect(get()).rejects.toMatchObject({ kind: 'garbage' });
    expect(requests.length).toBe(1);
  });

  it('is looked for nowhere else', async () => {
    answer = (response) => response.writeHead(302, { location: '/api/v1/x' }).end(PICTURE);
    await expect(get()).rejects.toMatchObject({ kind: 'unavailable', cause: { fault: 'redirected' } });
    expect(requests.length).toBe(1);
  });

  it('is asked for below the path of the server', async () => {
    const below = avatarsOf(`${base}/there/`);
    await below.get(`${base}/there/api/v1/avatars/users/5?size=64`);
    expect(requests.map(({ url }) => url)).toEqual(['/there/api/v1/avatars/users/5?size=64']);
    for (const path of ['/api/v1/avatars/users/5', '/thereabouts/api/v1/x', '/there/api/v1/../../../x']) {
      await expect(below.get(base + path)).rejects.toMatchObject({ kind: 'refused' });
    }
    expect(requests.length).toBe(1);
  });

  it('has at most 1 MiB', async () => {
    const picture = (size: number) => (response: ServerResponse) =>
      response.writeHead(200, { 'content-type': 'image/gif' }).end(Buffer.alloc(size));
    answer = picture(1024 * 1024);
    expect((await get()).bytes.length).toBe(1024 * 1024);
    answer = picture(1024 * 1024 + 1);
    await expect(get()).rejects.toMatchObject({ kind: 'unavailable', cause: { fault: 'too_large' } });
  });

  it.each([
    [404, 'refused'],
    [500, 'unavailable'],
    [429, 'rate_limited'],
  ])('fails with %d: %s', async (status, kind) => {
    answer = (response) => response.writeHead(status).end();
    await expect(get()).rejects.toMatchObject({ kind });
    if (status !== 429) return;
    await expect(avatars.get(`${base}/api/v1/x`, { priority: 'interactive' })).rejects.toMatchObject({
      kind,
    });
    expect(requests.length).toBe(1);
  });

  it('fails when it does not come, or ends half-way', async () => {
    answer = () => undefined;
    await expect(get()).rejects.toMatchObject({ kind: 'unavailable', cause: { fault: 'timeout' } });
    answer = (response) => response.socket!.resetAndDestroy();
    await expect(get()).rejects.toMatchObject({ kind: 'unavailable', cause: { fault: 'reset' } });
  });
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import type { RawServer } from '../connectors/raw-server.ts';
import { rawServer, reply } from '../connectors/raw-server.ts';
import { runCommand } from '../helpers/command.ts';
import type { RunningBridge } from '../helpers/process.ts';
import { makePerson, OPERATOR, runBridge } from '../helpers/process.ts';
import { memoryOf } from './memory.ts';

/** Rather often, and rather long for what takes a second or two. */
const POLL = 50;
const DEADLINE = 20_000;
/** What a frame would inflate to, bytes. */
const BOMB = 256 * 1024 * 1024;
const GUESS = '175928847299117063.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

let data: string;
let owned: (() => unknown)[];

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'plexibridge-servers-'));
  owned = [() => rm(data, { recursive: true, force: true })];
});
afterEach(async () => {
  for (const end of owned.reverse()) await end();
});

/** A bridge beside both servers, which are at these URLs. */
async function besides(homeserver: string, server: string): Promise<RunningBridge> {
  const registration = join(data, 'registration.yaml');
  const env = {
    PLEXIBRIDGE__MATRIX__HOMESERVER__URL: homeserver,
    PLEXIBRIDGE__MATRIX__HOMESERVER__REGISTRATION: registration,
    PLEXIBRIDGE__PLEXICHAT__SERVER__URL: server,
    PLEXIBRIDGE__PLEXICHAT__SERVER__TOKEN: '175928847299117099.server-token-of-the-bridge',
    PLEXIBRIDGE__PLEXICHAT__SERVER__REQUESTS_PER_MINUTE: '110',
  };
  expect((await runCommand(['registration', 'generate'], { env })).code).toBe(0);
  const bridge = await runBridge(join(data, 'store'), { ...env, PLEXIBRIDGE__LOG__LEVEL: 'trace' });
  owned.push(() => bridge.end('SIGTERM'));
  return bridge;
}

async function serve(answer: Parameters<typeof rawServer>[0]): Promise<RawServer> {
  const server = await rawServer(answer);
  owned.push(() => server[Symbol.asyncDispose]());
  return server;
}

/** Until the operator is told that both are down; the answer holds why. */
async function bothDown(bridge: RunningBridge): Promise<string> {
  for (const end = Date.now() + DEADLINE; Date.now() < end;) {
    const { body } = await bridge.call('GET', '/bridge/v1/servers', OPERATOR);
    const states = body.servers.map(({ state }: { state: string }) => state);
    if (states.length === 2 && states.every((state: string) => state === 'down')) return JSON.stringify(body);
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
  throw new Error('the servers are not down yet');
}

it('servers that send the bridge elsewhere, and people who name other places, get no request and no token there', async () => {
  const trap = await serve((socket) => socket.end(reply(200, '{}')));
  const redirects = (socket: { write(text: string): unknown }, request: string) => {
    const path = /^\S+ (\S+)/.exec(request)?.[1] ?? '/';
    socket.write(reply(307, '', [`location: ${trap.url}${path}`]));
  };
  const homeserver = await serve(redirects);
  const server = await serve(redirects);
  const bridge = await besides(homeserver.url, server.url);
  const tokens = await makePerson(bridge, { plexichat: '175928847299117063', matrix: '@una:localhost' });
  // All that anybody can name a place with: a picture, a homeserver in an id, a header, a URL for a path.
  const elsewhere = `127.0.0.1:${trap.port}`;
  const picture = `${trap.url}/api/v1/avatars/users/5`;
  const made = [
    await bridge.call('POST', '/bridge/v1/people', OPERATOR, {
      plexichat_id: '175928847299117064',
      avatar_url: picture,
    }),
    await bridge.call('POST', '/bridge/v1/people', OPERATOR, { matrix_id: `@eve:${elsewhere}` }),
  ];
  expect(made.map(({ status }) => status)).toEqual([201, 201]);
  for (const path of ['/api/v1/users/@me', `${trap.url}/api/v1/users/@me`]) {
    expect((await bridge.call('GET', path, GUESS)).status).toBe(502);
  }
  expect((await bridge.call('GET', '/_matrix/client/v3/account/whoami', 'syt_guess')).status).toBe(502);
  const invite = { invite: [`@bob:${elsewhere}`] };
  const list = '/_matrix/client/api/v1/presence/list/@una:localhost';
  expect((await bridge.call('POST', list, tokens.matrix, invite)).status).toBe(200);
  for (const { body } of made) {
    const token = { network: body.plexichat_id === '175928847299117064' ? 'plexichat' : 'matrix' };
    expect((await bridge.call('POST', `/bridge/v1/people/${body.id}/tokens`, OPERATOR, token)).status).toBe(
      201,
    );
  }
  const dnd = { status: 'dnd', custom_status: picture };
  expect((await bridge.call('PUT', '/api/v1/users/@me/presence', tokens.plexichat, dnd)).status).toBe(200);

  await bothDown(bridge);
  const asked = [...homeserver.requests, ...server.requests].join('\n');
  for (const part of ['/_matrix/', '/api/v1/', '/gateway']) expect(asked).toContain(part);
  expect(trap.requests).toEqual([]);
  expect(trap.sockets).toEqual([]);
  const logged = bridge.output.join('\n');
  for (const secret of [GUESS, 'server-token-of-the-bridge', 'syt_guess', tokens.plexichat]) {
    expect(logged).not.toContain(secret);
  }
});

it('a server whose frames are zlib bombs is down, and nothing else is', async () => {
  const http = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"garbage":true}');
  });
  const gateway = new WebSocketServer({ server: http });
  const bomb = deflateSync(Buffer.alloc(BOMB, ' '));
  let thrown = 0;
  gateway.on('connection', (socket) => {
    thrown++;
    socket.send(bomb);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  owned.push(() => {
    for (const socket of gateway.clients) socket.terminate();
    http.closeAllConnections();
    http.close();
  });
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const bridge = await besides(url, url);
  const before = memoryOf(bridge.child.pid);
  expect(await bothDown(bridge)).toContain('garbage');
  expect(thrown).toBeGreaterThan(0);
  expect(memoryOf(bridge.child.pid, 'peak') - before).toBeLessThan(BOMB / 2);
  expect((await bridge.call('GET', '/readyz', '')).status).toBe(200);
});

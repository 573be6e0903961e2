import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningBridge, TwoAccounts } from '../helpers/process.ts';
import { makePerson, OPERATOR, runBridge } from '../helpers/process.ts';
import { apiOf, misshapen } from './error-forms.ts';
import { bearer, collect, DEADLINE, dial, exchange, JSON_TYPE, request } from './raw-client.ts';

/** `HALF_OPEN=10000 npm test` for as many sockets as that; their number must be allowed by `ulimit -n`. */
const HALF_OPEN = Number(process.env['HALF_OPEN'] ?? 1000);
const IDS = { plexichat: '175928847299117063', matrix: '@una:localhost' };
const PRESENCE = '/api/v1/users/@me/presence';
const STATUS = '/_matrix/client/v3/presence/@una:localhost/status';
const FILTER = '/_matrix/client/v3/user/@una:localhost/filter';
const MODE = '/bridge/v1/me/mode';

let data: string;
let bridge: RunningBridge;
let tokens: TwoAccounts;
const tokenFor = (path: string) => (path.startsWith('/api') ? tokens.plexichat : tokens.matrix);

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'plexibridge-hostile-'));
  bridge = await runBridge(data, {
    PLEXIBRIDGE__LOG__LEVEL: 'trace',
    PLEXIBRIDGE__LISTEN__REQUEST_TIMEOUT: '500ms',
    PLEXIBRIDGE__LIMITS__FAILED_AUTH__BURST: '100000',
  });
  tokens = await makePerson(bridge, IDS);
});

afterAll(async () => {
  // Whatever was done to it, it was the same process all along, and ends in good order.
  expect((await bridge.call('GET', STATUS, tokens.matrix)).status).toBe(200);
  expect(await bridge.end('SIGTERM')).toBe(0);
  const logged = bridge.output.join('\n');
  for (const secret of [tokens.plexichat, tokens.matrix, OPERATOR]) {
    for (const form of formsOf(secret)) expect(logged).not.toContain(form);
  }
  expect(bridge.output.filter((line) => /"level":(5|6)0/.test(line))).toEqual([]);
  await rm(data, { recursive: true, force: true });
});

/** As it is, percent-encoded, in base64 and byte by byte: whatever a log could make of it. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [secret, encodeURIComponent(secret), bytes.toString('base64'), [...bytes].join(',')];
}

async function refused(path: string, bytes: string | Buffer): Promise<number> {
  const replies = await exchange(bridge.url, bytes);
  expect(replies, `answers to ${path}`).toHaveLength(1);
  const [{ status, text }] = replies as [(typeof replies)[number]];
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  if (text !== '') expect(misshapen(apiOf(path), status, text)).toBeNull();
  return status;
}

describe('smuggled requests', () => {
  const online = '{"status":"online"}';
  const hidden = request('PUT', PRESENCE);
  const ROWS: [name: string, headers: string[], body: string][] = [
    ['two lengths', ['Content-Length: 19', 'Content-Length: 20'], online],
    ['a length and chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${hidden}`],
    ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 5'], `0\r\n\r\n${hidden}`],
    ['an unknown coding', ['Transfer-Encoding: xchunked'], `0\r\n\r\n${hidden}`],
    ['two codings', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], `0\r\n\r\n${hidden}`],
    ['a space before the colon', ['Content-Length : 19'], online],
    ['a folded header', ['X-Folded: a', ' Content-Length: 19'], online],
    ['a negative length', ['Content-Length: -1'], online],
    ['a signed length', ['Content-Length: +19'], online],
    ['a length in hexadecimal', ['Content-Length: 0x13'], online],
    ['a bare line feed', ['X-A: b\nContent-Length: 19'], online],
    ['a bare carriage return', ['X-A: b\rContent-Length: 19'], online],
    ['NUL in a header', ['X-A: \0', 'Content-Length: 19'], online],
  ];

  it.each(ROWS)('%s: refused, and the connection with it', async (_name, headers, body) => {
    const lines = [`PUT ${PRESENCE} HTTP/1.1`, 'Host: x', bearer(tokens.plexichat), JSON_TYPE, ...headers];
    expect(await refused(PRESENCE, `${lines.join('\r\n')}\r\n\r\n${body}`)).toBe(400);
  });

  it.each([
    ['/api/v1/users/@me', 401],
    ['/_matrix/client/v3/account/whoami', 401],
    ['/bridge/v1/me/mode', 401],
  ])('two tokens at %s', async (path, status) => {
    const token = tokenFor(path);
    expect(await refused(path, request('GET', path, [bearer(token), bearer('another')]))).toBe(status);
    expect(await refused(path, request('GET', path, [bearer('another'), bearer(token)]))).toBe(status);
  });

  it('garbage, and TLS where there is none', async () => {
    expect(await refused('', '\x16\x03\x01\x02\x00\x01')).toBe(400);
    expect(await refused('', 'HELO there\r\n\r\n')).toBe(400);
  });
});

describe('paths', () => {
  it.each([
    '/api/v1/../../bridge/v1/people',
    '/api/v1/%2e%2e/%2e%2e/livez',
    '/_matrix/client/v3/../../../livez',
    '/_matrix/%2e%2e/livez',
    '/_matrix/client/..%2f..%2flivez',
    '/api/v1/users/..%2F@me%2Fpresence',
    '/api/v1/users/@me%2fpresence',
    '/api/v1/users/@me%00/presence',
    '/api/v1/users/%2540me/presence',
    '/api/v1/users/@me;a=b/presence',
    '/api/v1;/version',
    '/api/v1/users/@me/presence;jsessionid=1',
    '//api/v1/version',
    '/api//v1/version',
    '/API/v1/version',
    '/_MATRIX/client/versions',
    '/\\livez',
    '/api\\v1\\version',
    '/_matrix/client/v3/presence/%40una%3Alocalhost%00/status',
    '/_matrix/client/v3/presence/%2540una%253Alocalhost/status',
    '/_matrix/client/v3/presence/@una:localhost%2f..%2f/status',
    '/_matrix/client/v3/presence/@una%0d%0aX:localhost/status',
    '/_matrix/%zz',
    '/api/%c0%ae%c0%ae/livez',
    '/%',
    '/api/v1/users/__proto__/presence',
    '/api/v1/users/constructor/presence',
    '/_matrix/client/v3/presence/__proto__/status',
    '/_matrix/client/v3/user/@una:localhost/filter/__proto__',
    '/bridge/v1/people/__proto__/tokens',
    `/api/v1/users/${'9'.repeat(12_000)}/presence`,
  ])('%s leads nowhere', async (path) => {
    await refused(path, request('GET', path, [bearer(tokenFor(path))]));
  });

  it('a proxy’s form of a URL is taken for its path, and no tunnel is opened', async () => {
    const whole = request('GET', 'http://elsewhere.test/livez');
    expect((await exchange(bridge.url, whole)).map(({ status }) => status)).toEqual([200]);
    expect(await exchange(bridge.url, request('CONNECT', '127.0.0.1:22'))).toEqual([]);
  });
});

describe('too much', () => {
  it('of a body, announced or not', async () => {
    for (const path of [PRESENCE, STATUS, MODE]) {
      const headers = [bearer(tokenFor(path)), JSON_TYPE];
      const announced = request('PUT', path, [...headers, 'Content-Length: 1048577']);
      expect(await refused(path, announced)).toBe(413);
      const chunk = `${(1_048_577).toString(16)}\r\n${' '.repeat(1_048_577)}\r\n`;
      const chunked = request('PUT', path, [...headers, 'Transfer-Encoding: chunked']);
      expect(await refused(path, chunked + chunk)).toBe(413);
    }
  });

  it('of headers', async () => {
    for (const path of [PRESENCE, STATUS, '/livez']) {
      const headers = [bearer(tokenFor(path)), `X-Long: ${'x'.repeat(17_000)}`];
      expect(await refused(path, request('GET', path, headers))).toBe(431);
    }
  });

  it('of depth', async () => {
    const [open, close] = ['{"a":'.repeat(150_000), '}'.repeat(150_000)];
    const bodies = [
      '['.repeat(500_000) + ']'.repeat(500_000),
      `${open}1${close}`,
      `{"x":${open}1${close},"presence":{"types":["m.presence"]}}`,
      '['.repeat(1_000_000),
      `{"status":"online","presence":"online","mode":"online","x":${open}`,
    ];
    for (const [method, path] of [
      ['PUT', PRESENCE],
      ['PUT', STATUS],
      ['POST', FILTER],
      ['PUT', MODE],
      ['POST', '/bridge/v1/links'],
    ] as const) {
      for (const body of bodies) {
        await refused(path, request(method, path, [bearer(tokenFor(path)), JSON_TYPE], body));
      }
    }
  });

  it('of a coding that nobody undoes', async () => {
    const headers = [bearer(tokens.plexichat), JSON_TYPE, 'Content-Encoding: gzip'];
    const gzip = '\x1f\x8b\x08\x00\x00';
    expect(await refused(PRESENCE, request('PUT', PRESENCE, headers, gzip))).toBe(400);
  });
});

describe('too slowly', () => {
  /** One byte after the other, until the bridge has had enough. */
  async function trickle(beginning: string): Promise<number[]> {
    const socket = await dial(bridge.url);
    const replies = collect(socket);
    socket.write(beginning);
    const drops = setInterval(() => socket.write('x'), 20);
    socket.once('data', () => clearInterval(drops));
    try {
      return (await replies).map(({ status }) => status);
    } catch (error) {
      // A byte that crosses the answer has the connection reset, and the answer may be lost: again.
      if (!(error instanceof Error && 'code' in error && error.code === 'ECONNRESET')) throw error;
      clearInterval(drops);
      return await trickle(beginning);
    } finally {
      clearInterval(drops);
    }
  }

  it('headers', async () => {
    expect(await trickle(`GET ${STATUS} HTTP/1.1\r\nHost: x\r\nX-Slow: `)).toEqual([408]);
  });

  it('a body', async () => {
    const lines = [`PUT ${PRESENCE} HTTP/1.1`, 'Host: x', bearer(tokens.plexichat), 'Content-Length: 1000'];
    expect(await trickle(`${lines.join('\r\n')}\r\n\r\n`)).toEqual([408]);
  });

  it(`nothing at all, on ${HALF_OPEN} sockets, while others are answered`, async () => {
    const sockets: Socket[] = [];
    const closed: Promise<unknown>[] = [];
    for (let i = 0; i < HALF_OPEN; i++) {
      const socket = await dial(bridge.url);
      sockets.push(socket);
      closed.push(once(socket.resume(), 'close', { signal: AbortSignal.timeout(DEADLINE) }));
      if (i % 2 === 0) socket.write('GET / HTTP/1.1\r\nX-');
      if (i % 100 === 0) expect((await bridge.call('GET', STATUS, tokens.matrix)).status).toBe(200);
    }
    expect((await bridge.call('PUT', STATUS, tokens.matrix, { presence: 'online' })).status).toBe(200);
    await Promise.all(closed);
    expect(sockets.every(({ destroyed }) => destroyed)).toBe(true);
  });
});

describe('tokens in the query', () => {
  it.each([
    '/_matrix/client/v3/account/whoami?access_token=',
    '/_matrix/nowhere?access_token=',
    '/nowhere?access_token=',
    '/_matrix/client/v3/presence/%zz/status?access_token=',
    '/_matrix/client/v3/sync?timeout=x&access_token=',
    '/_matrix/client/v3/sync?filter=%7B&access_token=',
  ])('are in no line of the log: %s', async (path) => {
    const ended = exchange(bridge.url, request('GET', path + tokens.matrix));
    expect(await ended).toHaveLength(1);
    const broken = request('GET', path + tokens.matrix, [`X: ${'x'.repeat(20_000)}`, 'Y : broken']);
    await exchange(bridge.url, broken);
  });
});

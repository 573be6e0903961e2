import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { OutboundOptions } from '../../src/connectors/outbound.ts';
import { Outbound, json } from '../../src/connectors/outbound.ts';
import { OutboundError } from '../../src/connectors/outbound-error.ts';
import type { Answer, RawServer } from './raw-server.ts';
import { rawServer, reply } from './raw-server.ts';

const SECRET = 'secret-token';
/** Far beyond what a sound exchange takes on loopback, ms. */
const AMPLE_MS = 20_000;
/** Of requests that must time out, ms. */
const SHORT_MS = 400;

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

async function serve(answer: Answer): Promise<RawServer> {
  const server = await rawServer(answer);
  opened.push(server);
  return server;
}

function outboundTo(baseUrl: string, options: Partial<OutboundOptions> = {}) {
  const observed: string[] = [];
  const outbound = new Outbound({
    baseUrl,
    timeoutMs: AMPLE_MS,
    maxBodyBytes: 10_000,
    connections: 1,
    userAgent: 'bridge/1',
    headers: { Authorization: `Bearer ${SECRET}` },
    observe: (outcome) => observed.push(outcome),
    ...options,
  });
  opened.push(outbound);
  return { outbound, observed };
}

/** Sends one request that must fail; answers its fault, after a look at what the error gives away. */
async function faultFrom(baseUrl: string, options: Partial<OutboundOptions> = {}): Promise<string> {
  const { outbound, observed } = outboundTo(baseUrl, options);
  const request = { method: 'PUT', path: '/a', query: { token: SECRET }, body: { secret: SECRET } } as const;
  const error: unknown = await outbound.request(request).catch((thrown: unknown) => thrown);
  if (!(error instanceof OutboundError)) throw new Error('no fault', { cause: error });
  expect(JSON.stringify([Object.entries(error), error.message, error.stack])).not.toContain(SECRET);
  expect(error.cause).toBeUndefined();
  expect(observed).toEqual([error.fault]);
  return error.fault;
}

describe('a request', () => {
  it('goes below the base URL with all that it says', async () => {
    const server = await serve((socket) => socket.write(reply(200, '{"ok":true}', ['X-Any: one'])));
    const { outbound, observed } = outboundTo(`${server.url}/base/`);
    const answer = await outbound.request({
      method: 'PUT',
      path: '/users/%40a%3Ab/status',
      query: { limit: 5, since: 'a b&c', all: false, none: undefined },
      headers: { 'X-Own': 'yes' },
      body: { presence: 'online' },
    });
    expect(answer).toMatchObject({ status: 200, headers: { 'x-any': 'one' }, text: '{"ok":true}' });
    expect(json(answer)).toEqual({ ok: true });
    const [head, body] = server.requests.join('').split('\r\n\r\n');
    const [line, ...headers] = head!.split('\r\n');
    expect(line).toBe('PUT /base/users/%40a%3Ab/status?limit=5&since=a+b%26c&all=false HTTP/1.1');
    expect(headers.sort()).toEqual([
      `authorization: Bearer ${SECRET}`,
      'connection: keep-alive',
      'content-length: 21',
      'content-type: application/json',
      `host: 127.0.0.1:${server.port}`,
      'user-agent: bridge/1',
      'x-own: yes',
    ]);
    expect(body).toBe('{"presence":"online"}');
    expect(observed).toEqual(['2xx']);
  });

  it('sends bytes as they are, and no type without a body', async () => {
    const server = await serve((socket) => socket.write(reply(204)));
    const { outbound } = outboundTo(server.url);
    const body = Buffer.from('bytes');
    await outbound.request({ method: 'POST', path: '/', body, contentType: 'image/png' });
    await outbound.request({ method: 'POST', path: '/', body });
    await outbound.request({ method: 'POST', path: '/', body: null });
    await outbound.request({ method: 'GET', path: '/' });
    const [typed, untyped, nothing, none] = server.requests.map((text) => text.toLowerCase());
    expect(typed).toMatch(/content-type: image\/png\r\n[^]*\r\n\r\nbytes$/);
    expect(untyped).toContain('content-type: application/octet-stream\r\n');
    expect(nothing).toMatch(/content-type: application\/json\r\n[^]*\r\n\r\nnull$/);
    expect(none).not.toContain('content-type');
    expect(none).toMatch(/^get \/ http/);
  });

  it('lets its own headers win over the default ones, in any case', async () => {
    const server = await serve((socket) => socket.write(reply(200)));
    const { outbound } = outboundTo(server.url);
    await outbound.request({ method: 'GET', path: '/', headers: { AUTHORIZATION: 'Bearer other' } });
    expect(server.requests[0]).toContain('Bearer other');
    expect(server.requests[0]).not.toContain(SECRET);
  });

  it.each([
    [204, '2xx'],
    [400, '4xx'],
    [429, '4xx'],
    [500, '5xx'],
    [503, '5xx'],
  ])('answers a %i as it came', async (status, observedAs) => {
    const server = await serve((socket) => socket.write(reply(status, '', ['Retry-After: 7'])));
    const { outbound, observed } = outboundTo(server.url);
    const answer = await outbound.request({ method: 'GET', path: '/' });
    expect([answer.status, answer.headers['retry-after']]).toEqual([status, '7']);
    expect(observed).toEqual([observedAs]);
  });

  it.each([
    '',
    'a',
    '//elsewhere.test/a',
    '/a/../b',
    '/a/%2e%2e/b',
    '/..',
    '/a?b',
    '/a#b',
    '/a b',
    '/ä',
    '/\\a',
  ])('is refused before it is sent for the path %j', async (path) => {
    const server = await serve((socket) => socket.write(reply(200)));
    for (const base of [server.url, `${server.url}/base`]) {
      const { outbound, observed } = outboundTo(base);
      await expect(outbound.request({ method: 'GET', path })).rejects.toThrow(TypeError);
      expect(observed).toEqual([]);
    }
    expect(server.requests).toEqual([]);
  });

  it('is refused without its value for a header that cannot be sent', async () => {
    const server = await serve((socket) => socket.write(reply(200)));
    const { outbound } = outboundTo(server.url, { headers: { authorization: `${SECRET}\nx: y` } });
    const error = await outbound.request({ method: 'GET', path: '/' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).message).not.toContain(SECRET);
    expect((error as TypeError).message).toContain('authorization');
    expect(server.requests).toEqual([]);
  });

  it.each(['', 'a', 'ftp://a', 'http://u@a', 'http://:p@a', 'http://a?b', 'http://a#b'])(
    'has no base URL like %j',
    (base) => {
      expect(() => outboundTo(base)).toThrow(TypeError);
    },
  );

  it('uses no more connections than it may', async () => {
    const server = await serve((socket) => void setImmediate(() => socket.write(reply(200))));
    const { outbound } = outboundTo(server.url, { connections: 2 });
    const requests = Array.from({ length: 10 }, () => outbound.request({ method: 'GET', path: '/' }));
    await Promise.all(requests);
    expect(server.requests).toHaveLength(10);
    expect(server.sockets).toHaveLength(2);
  });
});

describe('a reply', () => {
  it.each([['garbage'], [''], ['{"a":'], ['<html>']])(
    'that is no JSON reads as undefined: %j',
    async (text) => {
      const server = await serve((socket) => socket.write(reply(200, text)));
      const { outbound } = outboundTo(server.url);
      const answer = await outbound.request({ method: 'GET', path: '/' });
      expect(answer.text).toBe(text);
      expect(json(answer)).toBeUndefined();
    },
  );

  it.each([
    ['null', null],
    ['"ä"', 'ä'],
    ['[1]', [1]],
  ])('that is JSON is read: %s', (text, value) => {
    expect(json({ text })).toEqual(value);
  });
});

describe('a fault', () => {
  it('refused: nobody listens', async () => {
    const server = await rawServer(() => undefined);
    await server[Symbol.asyncDispose]();
    expect(await faultFrom(server.url)).toBe('refused');
  });

  it('dns: the host has no address', async () => {
    // A label of more than 63 octets is refused without asking anybody.
    expect(await faultFrom(`http://${'x'.repeat(64)}.invalid`)).toBe('dns');
  });

  it('reset: the connection is reset before a reply', async () => {
    const server = await serve((socket) => socket.resetAndDestroy());
    expect(await faultFrom(server.url)).toBe('reset');
  });

  it('reset: the server hangs up before a reply', async () => {
    const server = await serve((socket) => socket.end());
    expect(await faultFrom(server.url)).toBe('reset');
  });

  it('reset: the server hangs up within its headers', async () => {
    const server = await serve((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-le'));
    expect(await faultFrom(server.url)).toBe('reset');
  });

  it('reset: the server hangs up within the body', async () => {
    const server = await serve((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'));
    expect(await faultFrom(server.url)).toBe('reset');
  });

  it('reset: the server hangs up within a chunked body', async () => {
    const server = await serve((socket) =>
      socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhalf'),
    );
    expect(await faultFrom(server.url)).toBe('reset');
  });

  it('timeout: no headers come', async () => {
    const server = await serve(() => undefined);
    expect(await faultFrom(server.url, { timeoutMs: SHORT_MS })).toBe('timeout');
  });

  it('timeout: headers trickle', async () => {
    const server = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write('x: y\r\n'), 10);
      socket.on('close', () => clearInterval(timer));
    });
    expect(await faultFrom(server.url, { timeoutMs: SHORT_MS })).toBe('timeout');
  });

  it('timeout: the body trickles, and the connection is given up', async () => {
    const server = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
      const timer = setInterval(() => socket.write('x'), 10);
      socket.on('close', () => clearInterval(timer));
    });
    expect(await faultFrom(server.url, { timeoutMs: SHORT_MS })).toBe('timeout');
    // It may be reset, which is an error to whoever sends.
    const [socket] = server.sockets;
    if (!socket!.destroyed) await new Promise((resolve) => socket!.once('close', resolve));
  });

  it('timeout: TLS never begins', async () => {
    const server = await serve(() => undefined);
    const fault = await faultFrom(server.url.replace('http:', 'https:'), { timeoutMs: SHORT_MS });
    expect(fault).toBe('timeout');
  });

  it('timeout: no connection becomes free; it is not sent later either', async () => {
    const server = await serve((socket, _, count) => {
      if (count > 0) socket.write(reply(200));
    });
    const { outbound } = outboundTo(server.url);
    const first = outbound.request({ method: 'GET', path: '/first' });
    const queued = outbound.request({ method: 'GET', path: '/queued', timeoutMs: SHORT_MS });
    await expect(queued).rejects.toMatchObject({ fault: 'timeout' });
    expect(server.requests).toHaveLength(1);
    server.sockets[0]!.write(reply(200));
    await first;
    await outbound.request({ method: 'GET', path: '/last' });
    expect(server.requests.map((text) => text.split(' ')[1])).toEqual(['/first', '/last']);
  });

  it('timeout: a kept connection went dead; the next request makes a new one', async () => {
    const server = await serve((socket, _, count) => {
      if (count !== 1) socket.write(reply(200));
    });
    const { outbound } = outboundTo(server.url);
    await outbound.request({ method: 'GET', path: '/' });
    const dead = outbound.request({ method: 'GET', path: '/', timeoutMs: SHORT_MS });
    await expect(dead).rejects.toMatchObject({ fault: 'timeout' });
    expect(server.sockets).toHaveLength(1);
    expect((await outbound.request({ method: 'GET', path: '/' })).status).toBe(200);
    expect(server.sockets).toHaveLength(2);
  });

  it('too_large: the body says so', async () => {
    const server = await serve((socket) => socket.write(reply(200, 'x'.repeat(10_001))));
    expect(await faultFrom(server.url)).toBe('too_large');
  });

  it('too_large: the body has no end, and the connection is given up', async () => {
    const server = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      const timer = setInterval(() => socket.write(`1000\r\n${'x'.repeat(4096)}\r\n`), 1);
      socket.on('close', () => clearInterval(timer));
    });
    expect(await faultFrom(server.url)).toBe('too_large');
    if (!server.sockets[0]!.destroyed) await once(server.sockets[0]!, 'close');
  });

  it('too_large: the headers are', async () => {
    const server = await serve((socket) => socket.write(reply(200, '', [`x: ${'y'.repeat(100_000)}`])));
    expect(await faultFrom(server.url)).toBe('too_large');
  });

  it('is none for a body of just the limit', async () => {
    const server = await serve((socket) => socket.write(reply(200, 'x'.repeat(10_000))));
    const { outbound } = outboundTo(server.url);
    expect((await outbound.request({ method: 'GET', path: '/' })).text).toHaveLength(10_000);
  });

  it.each([300, 301, 302, 304, 307, 308])(
    'redirected: a %i is not followed, wherever it leads',
    async (status) => {
      const server = await serve((socket) => {
        socket.write(reply(status, 'over there', [`location: http://127.0.0.1:${server.port}/b`]));
      });
      expect(await faultFrom(server.url)).toBe('redirected');
      expect(server.requests.join('').match(/HTTP\/1\.1/g)).toHaveLength(1);
    },
  );

  it('redirected: also with a body that never ends', async () => {
    const server = await serve((socket) =>
      socket.write('HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 100\r\n\r\nx'),
    );
    expect(await faultFrom(server.url)).toBe('redirected');
    if (!server.sockets[0]!.destroyed) await once(server.sockets[0]!, 'close');
  });

  it('unreachable: what answers does not speak HTTP', async () => {
    const server = await serve((socket) => socket.write(`220 mail ${SECRET}\r\n`));
    expect(await faultFrom(server.url)).toBe('unreachable');
  });

  it('tls: what answers does not speak TLS', async () => {
    const server = await serve((socket) => socket.write(reply(200)));
    expect(await faultFrom(server.url.replace('http:', 'https:'))).toBe('tls');
  });

  it('unreachable: it was disposed', async () => {
    const server = await serve(() => undefined);
    const { outbound, observed } = outboundTo(server.url);
    const running = outbound.request({ method: 'GET', path: '/' }).catch((error: unknown) => error);
    while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await outbound[Symbol.asyncDispose]();
    expect(await running).toMatchObject({ fault: 'unreachable' });
    await expect(outbound.request({ method: 'GET', path: '/' })).rejects.toMatchObject({
      fault: 'unreachable',
    });
    expect(observed).toEqual(['unreachable', 'unreachable']);
  });
});

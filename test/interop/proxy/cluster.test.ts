import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../helpers/free-port.ts';
import { deployFile } from '../../deploy/files.ts';
import { behindEachProxy } from './each-proxy.ts';
import { PROXIES, startProxyOn } from './proxies.ts';

interface Node extends AsyncDisposable {
  readonly port: number;
  /** Requests that it got, with the length of their bodies. */
  readonly seen: string[];
  /** Whether it has the duty. */
  onDuty: boolean;
  /** What it answers to what any node can do. */
  status: number;
}

/** A node of the bridge: what is for the node on duty is answered 503 elsewhere, as the bridge does. */
async function startNode(name: string): Promise<Node> {
  const node = { seen: [] as string[], onDuty: true, status: 200 };
  const server = createServer((incoming, response) => {
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => (bytes += chunk.length));
    incoming.on('end', () => {
      node.seen.push(`${incoming.method} ${incoming.url} ${bytes}`);
      const forDuty = /^\/_matrix\/app\/|server-tokens/.test(incoming.url ?? '');
      const status = forDuty && !node.onDuty ? 503 : node.status;
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ from: name }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  return Object.assign(node, { port, [Symbol.asyncDispose]: close });
}

const nginx = PROXIES.filter(({ name }) => name === 'nginx');

behindEachProxy((kind) => {
  const folder = mkdtempSync(join(tmpdir(), 'plexibridge-cluster-'));
  let first: Node;
  let second: Node;
  let proxy: AsyncDisposable;
  let ports: Record<8080 | 8081 | 8082, number>;

  beforeAll(async () => {
    [first, second] = [await startNode('first'), await startNode('second')];
    ports = { 8080: await freePort(), 8081: await freePort(), 8082: await freePort() };
    const text = readFileSync(deployFile('nginx.cluster.conf'), 'utf8');
    const all = { 8790: first.port, 8791: second.port, 8008: 9, 8000: 9, ...ports };
    proxy = await startProxyOn(kind, folder, text, all);
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  async function call(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    port: 8080 | 8081 | 8082,
    path: string,
    body?: string,
  ) {
    const url = `http://127.0.0.1:${ports[port]}${path}`;
    const reply = await request(url, { method, ...(body !== undefined && { body }) });
    return { status: reply.statusCode, ...((await reply.body.json()) as { from: string }) };
  }

  const DUTIES = [
    ['PUT', '/_matrix/app/v1/transactions/17', '{"events":[]}'],
    ['POST', '/_matrix/app/v1/ping', '{"transaction_id":"1"}'],
    ['GET', '/_matrix/app/v1/users/@_plexichat_17:hs.test', undefined],
    ['PUT', '/bridge/v1/me/server-tokens/plexichat', '{"token":"1.x"}'],
    ['DELETE', '/bridge/v1/me/server-tokens/plexichat', undefined],
  ] as const;

  it.each(DUTIES)(
    '%s %s reaches the node on duty, whichever that is, body and all',
    async (method, path, body) => {
      for (const [on, off] of [
        [first, second],
        [second, first],
      ] as const) {
        on.onDuty = true;
        off.onDuty = false;
        const before = on.seen.length;
        // More often than a node is forgiven that fails.
        for (let each = 0; each < 6; each++) {
          const { status, from } = await call(method, 8082, path, body);
          expect([status, from]).toEqual([200, on === first ? 'first' : 'second']);
        }
        const whole = `${method} ${path} ${body?.length ?? 0}`;
        expect(on.seen.slice(before)).toEqual(Array.from({ length: 6 }, () => whole));
      }
    },
  );

  it('a node without the duty still serves presence', async () => {
    first.onDuty = false;
    for (let each = 0; each < 6; each++) await call('GET', 8082, '/_matrix/app/v1/users/@a:hs.test');
    const from = new Set<string>();
    for (let each = 0; each < 6; each++) {
      from.add((await call('GET', 8080, '/_matrix/client/v3/presence/@a:hs.test/status')).from);
    }
    expect([...from].sort()).toEqual(['first', 'second']);
  });

  it('what a node refuses of anybody’s own is not tried at another', async () => {
    [first.status, second.status] = [503, 503];
    const before = first.seen.length + second.seen.length;
    const { status } = await call('PUT', 8081, '/api/v1/users/@me/presence', '{"status":"dnd"}');
    expect([status, first.seen.length + second.seen.length - before]).toEqual([503, 1]);
    [first.status, second.status] = [200, 200];
  });

  it('without a node the other one does everything', async () => {
    second.onDuty = true;
    await first[Symbol.asyncDispose]();
    for (let each = 0; each < 4; each++) {
      expect((await call('PUT', 8081, '/api/v1/users/@me/presence', '{"status":"dnd"}')).from).toBe('second');
      expect((await call('GET', 8082, '/bridge/v1/me/mode')).from).toBe('second');
      expect((await call('POST', 8082, '/_matrix/app/v1/ping', '{}')).from).toBe('second');
    }
  });
}, nginx);

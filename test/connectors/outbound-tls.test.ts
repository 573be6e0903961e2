import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { Outbound } from '../../src/connectors/outbound.ts';
import { HAS_OPENSSL, makeCertificate } from '../helpers/certificate.ts';
import type { RawServer } from './raw-server.ts';
import { rawServer, reply } from './raw-server.ts';

if (!HAS_OPENSSL) console.warn('No openssl on this machine: whether certificates are verified is NOT tested');

const folder = mkdtempSync(join(tmpdir(), 'outbound-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Asks every URL in `URLS` and prints the statuses and faults. */
const ASKER = `
  const { Outbound } = await import(process.env.OUTBOUND);
  const told = [];
  for (const baseUrl of process.env.URLS.split(' ')) {
    const options = { baseUrl, timeoutMs: 20_000, maxBodyBytes: 1000, connections: 1, userAgent: 'bridge/1' };
    const outbound = new Outbound(options);
    const reply = await outbound.request({ method: 'GET', path: '/' }).catch((error) => error);
    told.push(reply.status ?? reply.fault);
    await outbound[Symbol.asyncDispose]();
  }
  console.log(told.join(' '));
`;

/** A server with a certificate of its own for the name, and where that is. */
async function serveAs(name: string): Promise<RawServer & { readonly cert: string }> {
  const { key, cert } = makeCertificate(folder, name);
  const tls = { key: readFileSync(key), cert: readFileSync(cert) };
  return { ...(await rawServer((socket) => socket.write(reply(200)), tls)), cert };
}

describe.skipIf(!HAS_OPENSSL)('TLS', () => {
  it('is not spoken with a certificate that nobody vouches for', async () => {
    await using server = await serveAs('IP:127.0.0.1');
    await using outbound = new Outbound({
      baseUrl: server.url,
      timeoutMs: 20_000,
      maxBodyBytes: 1000,
      connections: 1,
      userAgent: 'bridge/1',
      headers: { authorization: 'Bearer secret-token' },
    });
    await expect(outbound.request({ method: 'GET', path: '/' })).rejects.toMatchObject({ fault: 'tls' });
    expect(server.requests).toEqual([]);
  });

  it('is spoken with a trusted certificate of that very host only', async () => {
    await using right = await serveAs('IP:127.0.0.1');
    await using wrong = await serveAs('DNS:elsewhere.test');
    const trusted = join(folder, 'trusted.crt');
    writeFileSync(trusted, [right, wrong].map(({ cert }) => readFileSync(cert, 'utf8')).join(''));
    const loader = new URL('../../config/dev/load-typescript.js', import.meta.url).href;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', loader, '--input-type=module', '--eval', ASKER],
      {
        env: {
          PATH: process.env['PATH'],
          NODE_EXTRA_CA_CERTS: trusted,
          OUTBOUND: new URL('../../src/connectors/outbound.ts', import.meta.url).href,
          URLS: `${right.url} ${wrong.url}`,
        },
      },
    );
    expect(stdout.trim()).toBe('200 tls');
    expect([right.requests.length, wrong.requests.length]).toEqual([1, 0]);
  });
});

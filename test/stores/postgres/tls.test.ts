import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { personId, recordOf } from '../../contract/records.ts';
import { HAS_OPENSSL, makeCertificate } from '../../helpers/certificate.ts';
import { describePostgres, serverUser } from './binaries.ts';
import type { TestServer } from './cluster.ts';
import { queryAt, startServer, until } from './cluster.ts';
import { openNode } from './stores.ts';

const suite = HAS_OPENSSL ? describePostgres : describe.skip;

suite('TLS to a primary', () => {
  let folder: string;
  let trusted: string;
  let server: TestServer;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'plexibridge-pg-tls-'));
    const { key, cert } = makeCertificate(folder, 'IP:127.0.0.1');
    trusted = join(folder, 'trusted.pem');
    writeFileSync(trusted, readFileSync(cert));
    const user = serverUser();
    for (const file of user ? [folder, key, cert] : []) chownSync(file, user!.uid, user!.gid);
    server = await startServer({ ssl: 'on', ssl_key_file: key, ssl_cert_file: cert });
    // The bridge's role is turned away where it does not speak TLS.
    const rules = 'hostssl all bridge 127.0.0.1/32 trust\nhost all postgres 127.0.0.1/32 trust\n';
    writeFileSync(join(server.folder, 'pg_hba.conf'), rules);
    await server.query('CREATE ROLE bridge LOGIN SUPERUSER');
    await server.query('SELECT pg_reload_conf()');
    const plain = server.url().replace('postgres@', 'bridge@');
    await until(() =>
      queryAt(plain, 'SELECT 1').then(
        () => false,
        () => true,
      ),
    );
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const database = async () => (await server.newDatabase()).replace('postgres@', 'bridge@');

  it('is spoken with a server whose certificate is trusted and of that very host', async () => {
    const node = await openNode([`${await database()}?sslmode=verify-full&sslrootcert=${trusted}`]);
    expect(await node.compareAndSet(personId('alice'), 0, recordOf(1))).toBe(true);
    expect(await node.get(personId('alice'))).toEqual(recordOf(1));
  });

  it.each([
    ['nobody asks for it', '', '127.0.0.1', /no encryption/],
    ['nobody vouches for the server', '?sslmode=verify-full', '127.0.0.1', /self.signed certificate/],
    ['the server is another', '?sslmode=verify-full&sslrootcert=TRUSTED', 'localhost', /does not match/],
  ])('is needed: a node does not start where %s', async (_, query, host, words) => {
    const url = `${await database()}${query.replace('TRUSTED', trusted)}`;
    await expect(openNode([url.replace('127.0.0.1', host)])).rejects.toThrow(words);
  });
});

import { expect, it } from 'vitest';
import { Client } from 'pg';
import { migrate } from '../../../src/stores/postgres/migrate.ts';
import { SHARDS } from '../../../src/stores/postgres/schema.ts';
import { setUp } from '../../../src/stores/postgres/set-up.ts';
import { StoreRefused } from '../../../src/stores/refused.ts';
import { personId, recordOf } from '../../contract/records.ts';
import { testLogger } from '../data-folder.ts';
import { describePostgres } from './binaries.ts';
import { queryAt, startServer, useServer } from './cluster.ts';
import { openNode } from './stores.ts';

const ALICE = personId('alice');

/** How the shards are shared out among databases: `{ shard, open }` of each. */
async function shardsAt(url: string): Promise<number> {
  return (await queryAt(url, 'SELECT FROM plexibridge.shards_here WHERE open')).length;
}

/** A connection whose names are those of our schema. */
async function ourClient(url: string): Promise<Client> {
  const client = new Client(`${url}?options=-csearch_path%3Dplexibridge`);
  await client.connect();
  return client;
}

describePostgres('opening', () => {
  const server = useServer();
  const databases = (count: number) =>
    Array.from({ length: count }).reduce<Promise<string[]>>(
      async (urls) => [...(await urls), await server().newDatabase()],
      Promise.resolve([]),
    );

  it('shares the shards out evenly, once', async () => {
    const shards = await databases(3);
    await openNode(shards);
    const counts = await Promise.all(shards.map(shardsAt));
    expect(counts).toEqual([86, 85, 85]);
    expect(counts.reduce((sum, count) => sum + count)).toBe(SHARDS);
    await openNode(shards.toReversed());
    expect(await Promise.all(shards.map(shardsAt))).toEqual(counts);
  });

  it('nodes that start at once, in whatever order they name the primaries, make one bridge', async () => {
    const shards = await databases(3);
    const nodes = await Promise.all(
      [shards, shards.toReversed(), shards, shards.toReversed()].map((urls) => openNode(urls)),
    );
    const people = Array.from({ length: 40 }, (_, index) => personId(`person-${index}`));
    const won = await Promise.all(
      people.flatMap((person) => nodes.map((node) => node.compareAndSet(person, 0, recordOf(1)))),
    );
    expect(won.filter(Boolean)).toHaveLength(people.length);
    expect(new Set(nodes.map(({ node }) => node)).size).toBe(nodes.length);
    const homes = await Promise.all(
      shards.map((url) => queryAt(url, 'SELECT home FROM plexibridge.identity')),
    );
    expect(new Set(homes.map(([{ home }]) => home as string)).size).toBe(1);
    expect((await Promise.all(shards.map(shardsAt))).reduce((sum, count) => sum + count)).toBe(SHARDS);
  });

  it('databases are set up once, whoever comes first', async () => {
    const shards = await databases(3);
    const orders = [shards, shards.toReversed(), [shards[1]!, shards[2]!, shards[0]!]];
    const nodes = [];
    for (const urls of [...orders, ...orders]) {
      nodes.push(await Promise.all(urls.map(async (url) => ({ place: url, client: await ourClient(url) }))));
    }
    for (const { client, place } of nodes[0] ?? []) await migrate(client, place);
    const placed = await Promise.all(nodes.map(setUp));
    expect(new Set(placed.map(([home]) => home?.id)).size).toBe(1);
    expect((await Promise.all(shards.map(shardsAt))).toSorted()).toEqual([85, 85, 86]);
    await Promise.all(nodes.flat().map(({ client }) => client.end()));
  });

  it('a primary that joins later is empty until shards are moved there', async () => {
    const [first, second] = await databases(2);
    await openNode([first!]);
    await openNode([first!, second!]);
    expect([await shardsAt(first!), await shardsAt(second!)]).toEqual([SHARDS, 0]);
  });

  it('a newer schema is refused, and left as it is', async () => {
    const [url] = await databases(1);
    await openNode([url!]);
    await queryAt(url!, 'UPDATE plexibridge.schema_version SET version = 99');
    const refused = openNode([url!]);
    await expect(refused).rejects.toThrow(StoreRefused);
    await expect(refused).rejects.toThrow(/written by a newer plexibridge \(schema 99; this one knows 1\)/);
    await expect(refused).rejects.not.toThrow(/postgres:\/\//);
    expect(await queryAt(url!, 'SELECT version FROM plexibridge.schema_version')).toEqual([{ version: 99 }]);
  });

  it('a step that fails leaves nothing of itself; the next start takes it again, and only what is missing', async () => {
    const [url] = await databases(1);
    await openNode([url!]);
    const client = await ourClient(url!);
    const first = 'CREATE TABLE presence (never int)'; // is there already: step 1 must not run again
    const failing = [first, 'CREATE TABLE extra (a int); SELECT 1 / 0'];
    await expect(migrate(client, 'place', failing)).rejects.toThrow('division by zero');
    await client.query('ROLLBACK');
    await migrate(client, 'place', [first, 'CREATE TABLE extra (a int)', 'ALTER TABLE extra ADD b int']);
    const { rows } = await client.query(
      'SELECT version, (SELECT count(*) FROM extra)::int AS extra FROM schema_version',
    );
    expect(rows).toEqual([{ version: 3, extra: 0 }]);
    await client.end();
  });

  it.each<[what: string, name: (urls: string[], other: string[]) => string[], words: RegExp]>([
    ['the same database twice', ([a]) => [a!, `${a}?application_name=x`], /is the same database as/],
    ['only some of the primaries', ([, b]) => [b!], /home primary is not among/],
    ['home without the others', ([a]) => [a!], /some of its shards are on primaries/],
    ['primaries of two bridges', ([a, b], [c]) => [a!, b!, c!], /belongs to another bridge/],
  ])('refuses %s', async (_, name, words) => {
    const [urls, other] = [await databases(2), await databases(1)];
    await openNode(urls);
    await openNode(other);
    const refused = openNode(name(urls, other));
    await expect(refused).rejects.toThrow(StoreRefused);
    await expect(refused).rejects.toThrow(words);
  });

  it('refuses a copy of a primary that it has already', async () => {
    const [url] = await databases(1);
    await openNode([url!]).then((node) => node[Symbol.asyncDispose]());
    await server().query(`CREATE DATABASE copied TEMPLATE ${new URL(url!).pathname.slice(1)}`);
    await expect(openNode([url!, server().url('copied')])).rejects.toThrow(/or a copy of it/);
  });

  it('refuses a database of another encoding', async () => {
    await server().query(`CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`);
    await expect(openNode([server().url('latin')])).rejects.toThrow(
      /has the encoding LATIN1\. Make one with UTF8/,
    );
  });

  it('works in a schema that was made for it, without the right to make one', async () => {
    const [url] = await databases(1);
    const name = new URL(url!).pathname.slice(1);
    await queryAt(url!, `CREATE ROLE poor LOGIN; CREATE SCHEMA plexibridge AUTHORIZATION poor`);
    const node = await openNode([`postgres://poor@127.0.0.1:${server().port}/${name}`]);
    expect(await node.compareAndSet(ALICE, 0, recordOf(1))).toBe(true);
  });

  it('whatever the role is set to, transactions and names are ours', async () => {
    const [url] = await databases(1);
    await queryAt(
      url!,
      `CREATE ROLE odd SUPERUSER LOGIN; ALTER ROLE odd SET search_path = public;
       ALTER ROLE odd SET default_transaction_isolation = 'serializable'`,
    );
    const node = await openNode([url!.replace('postgres@', 'odd@')]);
    const people = Array.from({ length: 20 }, (_, index) => personId(`person-${index}`));
    const other = await openNode([url!.replace('postgres@', 'odd@')]);
    const won = await Promise.all(
      people.flatMap((person) => [node, other].map((each) => each.compareAndSet(person, 0, recordOf(1)))),
    );
    expect(won.filter(Boolean)).toHaveLength(people.length);
  });

  it('warns of a server that may lose what it acknowledged', async () => {
    const [url] = await databases(1);
    const logger = testLogger();
    await queryAt(url!, 'ALTER ROLE postgres SET synchronous_commit = off');
    await openNode([url!], { logger });
    await queryAt(url!, 'ALTER ROLE postgres RESET synchronous_commit');
    expect(logger.lines).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:\d+\/test_\d+: fsync is off/),
      expect.stringMatching(/: synchronous_commit is off; a crash may lose the last acknowledged changes$/),
    ]);
  });

  it('refuses several primaries where the server keeps no prepared transactions', async () => {
    await using bare = await startServer({ max_prepared_transactions: '0' });
    const [a, b] = [await bare.newDatabase(), await bare.newDatabase()];
    await expect(openNode([a, b])).rejects.toThrow(/Set its max_prepared_transactions to 20 and restart it/);
    expect(await queryAt(a, `SELECT FROM pg_namespace WHERE nspname = 'plexibridge'`)).toEqual([]);
    const node = await openNode([a]);
    expect(await node.compareAndSet(ALICE, 0, recordOf(1))).toBe(true);
    await node[Symbol.asyncDispose]();
  });

  it('refuses a standby', async () => {
    await using standby = await server().replica();
    const [url] = await databases(1);
    const there = url!.replace(`:${server().port}/`, `:${standby.port}/`);
    await expect(openNode([there])).rejects.toThrow(/standby/);
  });
});

import type { Directory } from '../../../src/presence/directory.ts';
import type { PresenceStore } from '../../../src/presence/store.ts';
import type { PostgresStore } from '../../../src/stores/postgres/postgres-store.ts';
import { directoryContract } from '../../contract/directory.ts';
import { presenceStoreContract } from '../../contract/presence-store.ts';
import { describePostgres } from './binaries.ts';
import { until, useServer } from './cluster.ts';
import { openFollowing } from './news.ts';
import { openNode } from './stores.ts';

describePostgres('PostgreSQL, remembered and followed', () => {
  const server = useServer();

  async function databases(count: number): Promise<string[]> {
    const shards: string[] = [];
    while (shards.length < count) shards.push(await server().newDatabase());
    return shards;
  }

  /** Reads what it wrote at once. */
  const one = async () => {
    const { node } = await openFollowing(await databases(1));
    return { store: node, settled: () => Promise.resolve(node) };
  };
  /** Reads on a node that follows what another one writes: records as soon as it has heard, the directory as of a position. */
  const elsewhere = async () => {
    const shards = await databases(3);
    const writer = await openNode(shards);
    const { node: reader } = await openFollowing(shards);
    const store = writtenElsewhere(reader, writer);
    return { store, settled: () => Promise.resolve(store) };
  };

  presenceStoreContract('postgres, following', one);
  directoryContract('postgres, following', one);
  presenceStoreContract('postgres, written by another node', elsewhere);
  directoryContract('postgres, written by another node', elsewhere);
});

function writtenElsewhere(reader: PostgresStore, writer: PostgresStore): PresenceStore & Directory {
  const { people, tokens, heldTokens, relations, audit } = reader;
  const versionOf = async (store: PostgresStore, person: Parameters<PostgresStore['get']>[0]) =>
    (await store.get(person))?.version ?? 0;
  return {
    people,
    tokens,
    heldTokens,
    relations,
    audit,
    meta: (key) => reader.meta(key),
    position: () => reader.position(),
    get: (person) => reader.get(person),
    unsettled: (now) => reader.unsettled(now),
    compareAndSet: async (person, expected, record) => {
      const done = await writer.compareAndSet(person, expected, record);
      if (done) await until(async () => (await versionOf(reader, person)) >= record.version);
      return done;
    },
    commit: async (changes, base) => {
      await writer.commit(changes, base);
      await reader.position();
      for (const change of changes) {
        if (change.row !== 'presence') continue;
        await until(
          async () => (await versionOf(reader, change.person)) === (await versionOf(writer, change.person)),
        );
      }
    },
  };
}

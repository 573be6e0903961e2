import { directoryContract } from '../../contract/directory.ts';
import { presenceStoreContract } from '../../contract/presence-store.ts';
import { describePostgres } from './binaries.ts';
import { useServer } from './cluster.ts';
import { openNode } from './stores.ts';

describePostgres('PostgreSQL', () => {
  const server = useServer();

  async function open(primaries: number) {
    const shards: string[] = [];
    for (let i = 0; i < primaries; i++) shards.push(await server().newDatabase());
    return { store: await openNode(shards), another: () => openNode(shards) };
  }
  const one = () => open(1).then(({ store }) => ({ store, settled: () => Promise.resolve(store) }));
  const anew = (primaries: number) => async () => {
    const { store, another } = await open(primaries);
    return { store, settled: () => store[Symbol.asyncDispose]().then(another) };
  };
  const elsewhere = async () => {
    const { store, another } = await open(1);
    return { store, settled: another };
  };

  presenceStoreContract('postgres', one);
  presenceStoreContract('postgres, three primaries, opened again', anew(3));
  presenceStoreContract('postgres, seen by another node', elsewhere);
  directoryContract('postgres', one);
  directoryContract('postgres, three primaries, opened again', anew(3));
  directoryContract('postgres, seen by another node', elsewhere);
});

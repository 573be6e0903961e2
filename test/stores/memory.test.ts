import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { directoryContract } from '../contract/directory.ts';
import { presenceStoreContract } from '../contract/presence-store.ts';

function open() {
  const store = new MemoryStore();
  return Promise.resolve({ store, settled: () => Promise.resolve(store) });
}

presenceStoreContract('memory', open);
directoryContract('memory', open);

import { directoryContract } from '../contract/directory.ts';
import { presenceStoreContract } from '../contract/presence-store.ts';
import { openTestStore, tempFolder } from './data-folder.ts';

async function openFolding() {
  const store = await openTestStore(tempFolder());
  return { store, settled: () => store.fold().then(() => store) };
}

async function openReopening() {
  const path = tempFolder();
  const store = await openTestStore(path);
  return { store, settled: () => store[Symbol.asyncDispose]().then(() => openTestStore(path)) };
}

presenceStoreContract('sqlite, folded', openFolding);
presenceStoreContract('sqlite, opened again', openReopening);
directoryContract('sqlite, opened again', openReopening);

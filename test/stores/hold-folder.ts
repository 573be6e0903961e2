import { openSqliteStore } from '../../src/stores/sqlite/open-store.ts';

// Run as a process of its own: opens the store in the folder named, says so, and waits to be killed.
await openSqliteStore({ path: process.argv[2]!, logger: console });
console.log('open');
setInterval(() => undefined, 60_000);

/* The bridge as it is built, over a store in memory: what a PUT costs without a disk. */
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import type * as App from '../../../src/app.ts';
import type { Address, PersonId } from '../../../src/presence/identity.ts';
import type * as Clock from '../../../src/presence/clock.ts';
import type * as Secrets from '../../../src/secrets.ts';
import type * as Memory from '../../../src/stores/memory/memory-store.ts';
import { built } from '../built.ts';
import { peopleRows } from '../world.ts';
import { serveCommands } from './commands.ts';

async function start({ people, settings }: { people: number; settings: object }): Promise<number> {
  const { buildApp, settingsSchema } = await built<typeof App>('app.js');
  const { systemClock } = await built<typeof Clock>('presence/clock.js');
  const { systemSecrets } = await built<typeof Secrets>('secrets.js');
  const { MemoryStore } = await built<typeof Memory>('stores/memory/memory-store.js');
  const store = new MemoryStore();
  for (const rows of peopleRows(people)) await store.commit(rows);
  // It looks for addresses one by one, which is no measure of anything.
  const { people: slow } = store;
  const quick = {
    ...slow,
    byId: remembering((id: PersonId) => slow.byId(id)),
    byAddress: remembering((address: Address) => slow.byAddress(address)),
  };
  Object.defineProperty(store, 'people', { value: quick });
  const { http } = await buildApp({
    settings: settingsSchema.parse(settings),
    store,
    clock: systemClock,
    secrets: systemSecrets,
    logger: pino({ level: 'warn' }),
  });
  await http.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  return (http.server.address() as AddressInfo).port;
}

function remembering<Key, Value>(read: (key: Key) => Promise<Value>): (key: Key) => Promise<Value> {
  const known = new Map<string, Promise<Value>>();
  return (key) => {
    const name = typeof key === 'string' ? key : JSON.stringify(key);
    const answer = known.get(name) ?? read(key);
    known.set(name, answer);
    return answer;
  };
}

serveCommands({ start });

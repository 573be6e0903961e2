import { beforeEach, expect, it } from 'vitest';
import { MemoryStore } from '../../../../src/stores/memory/memory-store.ts';
import { bendStore } from '../../../helpers/bent-store.ts';
import { settled } from '../../../helpers/settled.ts';
import type { Gateway, User } from './connections.ts';
import { makeWatched } from './connections.ts';

let gateway: Gateway;
let alice: User;

beforeEach(async () => ({ gateway, alice } = await makeWatched()));

/** Everything of hers that is counted, each twice. */
async function doEverythingTwice(): Promise<void> {
  for (let time = 0; time < 2; time++) {
    const client = await gateway.connect().identify(alice.token);
    await client.send(3, { status: 'away' });
    await client.drop();
    const back = await gateway.connect().resume(alice.token, client.sessionId, 1);
    back.socket.bufferedAmount = Infinity;
    await back.send(1);
    expect(back.socket.closed?.code).toBe(4000);
  }
}

const EACH_TWICE = { identified: 2, resumed: 2, invalidPresences: 2, slowClosed: 2 };
const NOTHING = { identified: 0, resumed: 0, invalidPresences: 0, slowClosed: 0 };

it('what people do who are to be seen is counted', async () => {
  await doEverythingTwice();
  expect(gateway.counted).toEqual(EACH_TWICE);
});

it('what somebody does while others believe her to be away is not (semantics §6)', async () => {
  await gateway.say(alice, 'invisible');
  await doEverythingTwice();
  expect(gateway.counted).toEqual(NOTHING);
  await gateway.say(alice, 'online');
  await doEverythingTwice();
  expect(gateway.counted).toEqual(EACH_TWICE);
});

it('a socket without a session is of nobody, and not counted', async () => {
  const client = gateway.connect();
  client.socket.bufferedAmount = Infinity;
  await client.send(1);
  expect([client.socket.closed?.code, gateway.counted]).toEqual([4000, NOTHING]);
});

it('a count that fails does not fail what it counts', async () => {
  const memory = new MemoryStore();
  let broken = false;
  const get: typeof memory.get = (person) =>
    broken ? Promise.reject(new Error('disk gone')) : memory.get(person);
  ({ gateway, alice } = await makeWatched({ store: bendStore(memory, { get }) }));
  const client = await gateway.connect().identify(alice.token);
  broken = true;
  client.socket.bufferedAmount = Infinity;
  client.connection.send('{}');
  await settled();
  expect([client.socket.closed?.code, gateway.counted.slowClosed]).toEqual([4000, 0]);
});

import { describe, expect, it } from 'vitest';
import { audible } from '../../../src/connectors/matrix/audible.ts';
import { CatchUp } from '../../../src/connectors/matrix/catch-up.ts';
import { HomeserverFault } from '../../../src/connectors/matrix/homeserver-fault.ts';
import type { PresenceUpdate } from '../../../src/protocols/matrix/appservice.ts';
import type { PresenceContent } from '../../../src/protocols/matrix/appservice.ts';
import { BridgeError } from '../../../src/presence/errors.ts';
import { ManualClock } from '../../helpers/clock.ts';
import { settled } from '../../helpers/settled.ts';
import { ALICE, BOB, makeReceiver, NETWORK } from './receiving.ts';

const ONLINE: PresenceContent = { presence: 'online' };

/** A homeserver that is asked for these users, one read a second. */
function make(users: string[] = [ALICE, BOB], readsPerSecond = 1000) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const taken: PresenceUpdate[] = [];
  const problems: string[] = [];
  const world = {
    trouble: 0,
    rounds: 0,
    answer: (userId: string): Promise<PresenceContent | null> =>
      Promise.resolve(userId === '' ? null : ONLINE),
    take: (): Promise<void> => Promise.resolve(),
  };
  const catchUp = new CatchUp({
    homeserver: {
      presence: (userId) => {
        asked.push(userId);
        return world.answer(userId);
      },
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- the port is asynchronous
    users: async function* () {
      world.rounds++;
      yield* users;
    },
    reporting: {
      take: async (update, _now, isOutdated) => {
        await world.take();
        if (isOutdated?.() !== true) taken.push(update);
      },
    },
    readsPerSecond,
    clock,
    random: () => 1,
    metrics: { received: () => undefined },
    onTrouble: () => world.trouble++,
    report: (problem) => problems.push(problem),
  });
  const pass = async (ms: number) => {
    clock.advance(ms);
    await settled();
  };
  const said = () => taken.map(({ sender, mode }) => `${sender} ${mode}`);
  return { world, catchUp, asked, taken, said, problems, pass };
}

const limited = (retryAfterMs: number | null) =>
  new HomeserverFault({ kind: 'rate_limited', reason: 'test', status: 429, retryAfterMs });
const fault = (kind: 'refused' | 'unavailable') => new HomeserverFault({ kind, reason: 'test' });

describe('a homeserver that comes up', () => {
  it('is asked for everybody once, and not before', async () => {
    const { catchUp, asked, said } = make();
    await settled();
    expect(asked).toEqual([]);
    catchUp.begin();
    await settled();
    expect(asked).toEqual([ALICE, BOB]);
    expect(said()).toEqual([`${ALICE} online`, `${BOB} online`]);
  });

  it('is asked at the pace that was set', async () => {
    const { catchUp, asked, pass } = make(['@a:x', '@b:x', '@c:x', '@d:x'], 2);
    catchUp.begin();
    await settled();
    expect(asked).toHaveLength(2);
    await pass(999);
    expect(asked).toHaveLength(2);
    await pass(1);
    expect(asked).toHaveLength(4);
  });

  it('and goes again is asked no more, and anew when it is back', async () => {
    const { catchUp, asked, pass } = make(['@a:x', '@b:x'], 1);
    catchUp.begin();
    await settled();
    catchUp.end();
    await pass(60_000);
    expect(asked).toEqual(['@a:x']);
    catchUp.begin();
    await settled();
    await pass(1000);
    expect(asked).toEqual(['@a:x', '@a:x', '@b:x']);
  });

  it('shows nobody who is not to be seen, and no state that nobody knows', async () => {
    const { catchUp, world, said } = make();
    world.answer = (userId) => Promise.resolve(userId === ALICE ? null : { presence: 'dancing' });
    catchUp.begin();
    await settled();
    expect(said()).toEqual([]);
  });

  it('is asked later when it limits the rate, as late as it wants', async () => {
    const { catchUp, world, asked, said, pass } = make([ALICE]);
    world.answer = () => Promise.reject(limited(30_000));
    catchUp.begin();
    await settled();
    world.answer = () => Promise.resolve(ONLINE);
    await pass(29_999);
    expect(asked).toHaveLength(1);
    await pass(60_000);
    expect(said()).toEqual([`${ALICE} online`]);
    expect(world.trouble).toBe(0);
  });

  it('is looked at when it does not answer, and tried for each only so often', async () => {
    const { catchUp, world, asked, pass } = make([ALICE]);
    world.answer = () => Promise.reject(fault('unavailable'));
    catchUp.begin();
    for (let each = 0; each < 20; each++) await pass(60_000);
    expect([asked.length, world.trouble]).toEqual([5, 5]);
  });

  it('may refuse one of them without harm to the others', async () => {
    const { catchUp, world, said } = make();
    world.answer = (userId) =>
      userId === ALICE ? Promise.reject(fault('refused')) : Promise.resolve(ONLINE);
    catchUp.begin();
    await settled();
    expect(said()).toEqual([`${BOB} online`]);
  });
});

describe('a transaction', () => {
  it('is newer than what is being read', async () => {
    const { catchUp, world, said } = make([ALICE]);
    let answer: (content: PresenceContent) => void = () => undefined;
    world.answer = () => new Promise((resolve) => (answer = resolve));
    catchUp.begin();
    await settled();
    catchUp.heard(ALICE);
    answer(ONLINE);
    await settled();
    expect(said()).toEqual([]);
  });

  it('of before the round is not', async () => {
    const { catchUp, said } = make([ALICE]);
    catchUp.heard(ALICE);
    catchUp.begin();
    await settled();
    expect(said()).toEqual([`${ALICE} online`]);
  });

  it('that was lost begins a round, and so do the first to arrive after it', async () => {
    const { catchUp, world } = make();
    catchUp.begin();
    await settled();
    catchUp.carriedOut({ ephemeral: true });
    await settled();
    const before = world.rounds;
    const steps = [
      () => catchUp.carriedOut({ ephemeral: true }),
      () => catchUp.again(),
      () => catchUp.carriedOut({ ephemeral: false }),
      () => catchUp.carriedOut({ ephemeral: false }),
      () => catchUp.carriedOut({ ephemeral: true }),
      () => catchUp.carriedOut({ ephemeral: true }),
    ];
    const rounds = [];
    for (const step of steps) {
      step();
      await settled();
      rounds.push(world.rounds - before);
    }
    expect(rounds).toEqual([0, 1, 2, 2, 3, 3]);
  });

  it('begins one round however many are lost', async () => {
    const { catchUp, world, pass } = make([ALICE, BOB], 1);
    catchUp.begin();
    await settled();
    for (let each = 0; each < 10; each++) catchUp.again();
    await pass(10_000);
    await pass(10_000);
    expect(world.rounds).toBe(2);
  });

  it('begins none where nobody is to be read', async () => {
    const { catchUp, world } = make();
    catchUp.again();
    catchUp.carriedOut({ ephemeral: true });
    await settled();
    expect(world.rounds).toBe(0);
  });
});

it('a store that fails is reported, and read again for later', async () => {
  const { catchUp, world, problems, said, pass } = make([ALICE]);
  world.take = () => Promise.reject(new BridgeError('store_unavailable'));
  catchUp.begin();
  await settled();
  expect(problems).toHaveLength(1);
  world.take = () => Promise.resolve();
  await pass(60_000);
  expect(said()).toEqual([`${ALICE} online`]);
});

describe('a round', () => {
  it('asks nothing of those of whom a transaction has told by then', async () => {
    const { catchUp, asked, pass } = make(['@a:x', '@b:x', '@c:x'], 1);
    catchUp.begin();
    await settled();
    catchUp.heard('@c:x');
    for (let each = 0; each < 5; each++) await pass(1000);
    expect(asked).toEqual(['@a:x', '@b:x']);
  });

  it('asks once for those who are refused', async () => {
    const { catchUp, world, asked, pass } = make([ALICE]);
    world.answer = () => Promise.reject(fault('refused'));
    catchUp.begin();
    for (let each = 0; each < 5; each++) await pass(60_000);
    expect([asked, world.trouble]).toEqual([[ALICE], 0]);
  });

  it('goes on with the others where one cannot be taken for a reason that nobody foresaw', async () => {
    const { catchUp, world, said, problems } = make();
    world.answer = (userId) =>
      userId === ALICE ? Promise.reject(new TypeError('a bug')) : Promise.resolve(ONLINE);
    catchUp.begin();
    await settled();
    expect([said(), problems, world.rounds]).toEqual([[`${BOB} online`], [expect.any(String)], 1]);
  });

  it('is given up for a new one when the homeserver comes up again', async () => {
    const { catchUp, asked, pass } = make(['@a:x', '@b:x', '@c:x'], 1);
    catchUp.begin();
    await settled();
    catchUp.begin();
    for (let each = 0; each < 5; each++) await pass(1000);
    expect(asked).toEqual(['@a:x', '@a:x', '@b:x', '@c:x']);
  });

  it('follows the first transaction after the homeserver was away', async () => {
    const { catchUp, world } = make();
    for (let each = 0; each < 2; each++) {
      catchUp.begin();
      await settled();
      catchUp.carriedOut({ ephemeral: true });
      await settled();
    }
    expect(world.rounds).toBe(4);
  });

  it('that fails again and again is tried ever later, and soon after one that did not', async () => {
    const { catchUp, world, pass } = make([ALICE]);
    const waits: number[] = [];
    const failOnce = async () => {
      world.take = () => Promise.reject(new BridgeError('store_unavailable'));
      const before = world.rounds;
      let waited = 0;
      for (; world.rounds === before; waited += 1000) await pass(1000);
      waits.push(waited);
    };
    world.take = () => Promise.reject(new BridgeError('store_unavailable'));
    catchUp.begin();
    await settled();
    for (let each = 0; each < 3; each++) await failOnce();
    world.take = () => Promise.resolve();
    await pass(60_000);
    world.take = () => Promise.reject(new BridgeError('store_unavailable'));
    catchUp.again();
    await settled();
    await failOnce();
    expect(waits).toEqual([2000, 4000, 8000, 2000]);
  });
});

it('ends with its owner, whatever is under way', async () => {
  const { catchUp, asked, pass } = make([ALICE, BOB], 1);
  catchUp.begin();
  await settled();
  await catchUp[Symbol.asyncDispose]();
  await pass(60_000);
  expect(asked).toEqual([ALICE]);
});

describe('those of whom the homeserver may have told', () => {
  async function listed(members: string[] | null) {
    const { people, presence, person, store } = makeReceiver();
    for (const id of [ALICE, BOB, '@remote:far.test']) await person([{ network: NETWORK.name, id }]);
    const room = members && { members: () => Promise.resolve(new Map(members.map((id) => [id, NOBODY]))) };
    const byId = store.people.byId.bind(store.people);
    const page = people.page.bind(people);
    const users = audible({
      network: NETWORK,
      presence,
      people: { byId, page },
      room,
      reporting: { reasonAgainst: (id) => (id.endsWith(':far.test') ? 'ignored' : null) },
    });
    const found = [];
    for await (const user of users) found.push(user);
    return found.sort();
  }
  const NOBODY = { displayName: null, avatarUrl: null };

  it('are the members of the room', async () => {
    expect(await listed(['@carol:home.test', BOB])).toEqual([BOB, '@carol:home.test']);
  });

  it('are all who have an account there, where there is no room', async () => {
    expect(await listed(null)).toEqual([ALICE, BOB]);
  });
});

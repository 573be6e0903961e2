import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BusyNotes } from '../../../src/connectors/matrix/busy-notes.ts';
import { PresencePush } from '../../../src/connectors/matrix/presence-push.ts';
import { StandIns } from '../../../src/connectors/matrix/stand-ins.ts';
import type { Person } from '../../../src/presence/identity.ts';
import { MODERN_WITH_BUSY } from '../../../src/protocols/matrix/dialect.ts';
import { MATRIX } from '../../../src/protocols/matrix/ids.ts';
import { quiet } from '../../helpers/homeserver.ts';
import type { World } from './world.ts';
import { KEEP_ALIVE, makeWorld, matrix, peer, standInOf } from './world.ts';

const CLEO = standInOf('7');

let world: World;
let cleo: Person;
let push: PresencePush;
let changes: number;
let report: (problem: string, cause: unknown) => void;

async function begin(options: Parameters<typeof makeWorld>[0] = {}): Promise<void> {
  world = makeWorld(options);
  changes = 0;
  ({ report } = world.context);
  push = makePush();
  cleo = await world.add('7');
}

function makePush(): PresencePush {
  const standIns = new StandIns({
    homeserver: world.homeserver,
    room: null,
    fetchAvatar: () => Promise.resolve(null),
    clock: world.clock,
    remembered: 1000,
    logger: { warn: () => undefined },
  });
  const onWritten = (changed: boolean) => void (changes += changed ? 1 : 0);
  return new PresencePush({
    ...world.context,
    standIns,
    busy: new BusyNotes(world.store),
    onWritten,
    report,
  });
}

/** Successful writes; without the first of a stand-in who had to be made for it. */
const words = (userId = CLEO) => world.fake.puts(userId).map(({ presence }) => presence);
const allPuts = () => world.fake.requests(/^PUT .*\/presence\//);
/** From now on nobody has to be made. */
function allExist(ids: readonly string[] = ['7']): void {
  for (const id of ids) world.fake.model.users.set(standInOf(id), {});
}

beforeEach(() => begin());
afterEach(() => push[Symbol.asyncDispose]());

describe('what is pushed', () => {
  it.each([
    ['online', 'online'],
    ['chat', 'online'],
    ['idle', 'unavailable'],
    ['dnd', 'unavailable'],
  ] as const)('%s as %s', async (mode, word) => {
    allExist();
    await push.resume(true);
    await world.say(cleo, mode, 'here');
    expect(world.fake.puts(CLEO)).toEqual([{ presence: word, status_msg: 'here' }]);
    expect(world.deliveredTo).toEqual([[cleo.id, word]]);
  });

  it('dnd as busy where the homeserver has the word', async () => {
    allExist();
    world.fake.model.busy = true;
    world.speech.dialect = MODERN_WITH_BUSY;
    await push.resume(true);
    await world.say(cleo, 'dnd');
    expect(world.fake.puts(CLEO)).toEqual([{ presence: 'org.matrix.msc3026.busy' }]);
  });

  it('everybody who is there at the first connect, and nobody else', async () => {
    await world.add('8');
    await world.say(cleo, 'online');
    expect(world.fake.seen).toEqual([]);
    await push.resume(true);
    await quiet();
    expect(new Set(allPuts().map(({ as }) => as))).toEqual(new Set([CLEO]));
    expect(world.fake.model.presenceOf(CLEO).presence).toBe('online');
    expect(push.size).toBe(1);
  });

  it('makes the stand-in with her name', async () => {
    await push.resume(true);
    await world.say(cleo, 'online');
    expect(world.fake.model.users.get(CLEO)).toEqual({ displayname: 'P7' });
    expect(words()).toEqual(['online', 'online']);
  });

  it('renames her within a keep-alive', async () => {
    await push.resume(true);
    await world.say(cleo, 'online');
    await world.people.edit(cleo.id, { displayName: 'Cleopatra' });
    await world.pass(KEEP_ALIVE + 500);
    expect(world.fake.model.users.get(CLEO)).toEqual({ displayname: 'Cleopatra' });
  });

  it('never the same twice, but for keeping alive', async () => {
    allExist();
    await push.resume(true);
    await world.say(cleo, 'online', 'here');
    await world.say(cleo, 'chat', 'here');
    await world.say(cleo, 'online');
    push.recheck([cleo.id]);
    await quiet();
    expect(words()).toEqual(['online']);
    expect(changes).toBe(1);
  });

  it('nobody who has an account on the homeserver', async () => {
    const linked = await world.addLinked('8', '@ann:hs.test');
    const own = (await world.person([{ network: MATRIX, id: '@ben:hs.test' }])).person;
    await push.resume(true);
    await world.say(linked, 'online');
    await world.say(own, 'online');
    expect(world.fake.seen).toEqual([]);
  });

  it('the newest only, where the homeserver is slow', async () => {
    allExist();
    const slow = world.fake.fail('slow', { times: 1 });
    await push.resume(true);
    await world.say(cleo, 'online', 'one');
    for (const text of ['two', 'three', 'four']) await world.say(cleo, 'online', text);
    slow[Symbol.dispose]();
    await quiet();
    expect(world.fake.puts(CLEO).map(({ status_msg }) => status_msg)).toEqual(['one', 'four']);
  });
});

describe('the end', () => {
  beforeEach(async () => {
    allExist();
    await push.resume(true);
  });

  it('is said once, with the status that others still see, and then nothing', async () => {
    await world.say(cleo, 'online', 'back soon');
    await world.say(cleo, 'offline');
    await world.say(cleo, 'offline', 'or later');
    await world.pass(3 * KEEP_ALIVE);
    expect(world.fake.puts(CLEO)).toEqual([
      { presence: 'online', status_msg: 'back soon' },
      { presence: 'offline', status_msg: 'back soon' },
    ]);
    expect(push.size).toBe(0);
    await world.say(cleo, 'online');
    expect(words()).toEqual(['online', 'offline', 'online']);
  });

  it('of somebody who was never pushed is not said', async () => {
    await world.say(cleo, 'offline', 'no');
    expect(world.fake.seen).toEqual([]);
  });

  it('is not said where nothing had left yet', async () => {
    push.pause();
    await world.say(cleo, 'online');
    await world.say(cleo, 'offline');
    await push.resume(false);
    await quiet();
    expect(world.fake.seen).toEqual([]);
    expect(push.size).toBe(0);
  });

  it('is said where the beginning may have arrived', async () => {
    using _ = world.fake.fail('half_open', { times: 1 });
    await world.say(cleo, 'online');
    push.pause();
    await world.say(cleo, 'offline');
    await push.resume(false);
    await quiet();
    expect(words()).toEqual(['online', 'offline']);
  });

  it('is what going invisible looks like, and nothing while invisible does', async () => {
    await world.say(cleo, 'online', 'here');
    await world.say(cleo, 'invisible');
    await world.say(cleo, 'invisible', 'hidden');
    await world.pass(2 * KEEP_ALIVE);
    expect(world.fake.puts(CLEO).slice(1)).toEqual([{ presence: 'offline', status_msg: 'here' }]);
    expect(world.outcomes).toEqual(['written', 'written']);
  });

  it.each(['contacts', 'nobody'] as const)(
    'comes with visibility %s, without a word more',
    async (visibility) => {
      await world.say(cleo, 'online', 'here');
      await world.people.edit(cleo.id, { visibility });
      await quiet();
      await world.say(cleo, 'idle', 'there');
      await world.pass(2 * KEEP_ALIVE);
      expect(world.fake.puts(CLEO).slice(1)).toEqual([{ presence: 'offline' }]);
    },
  );

  it('comes with a block by somebody of the homeserver, at the latest when it is time to say it again', async () => {
    const own = (await world.person([{ network: MATRIX, id: '@ben:hs.test' }])).person;
    await world.say(cleo, 'online');
    await world.contacts.block(own.id, cleo.id, true);
    await world.pass(KEEP_ALIVE + 500);
    expect(words()).toEqual(['online', 'offline']);
  });

  it('comes with a link: she has an account there now', async () => {
    await world.person([{ network: MATRIX, id: '@ben:hs.test' }]);
    await world.say(cleo, 'online', 'here');
    await world.links.link({ network: MATRIX, id: '@ben:hs.test' }, { network: peer.name, id: '7' });
    await quiet();
    await world.pass(2 * KEEP_ALIVE);
    expect(world.fake.puts(CLEO).slice(1)).toEqual([{ presence: 'offline' }]);
    await world.links.unlink((await world.people.find({ network: peer.name, id: '7' }))!.id);
    await quiet();
    expect(words()).toEqual(['online', 'offline', 'online']);
  });

  it('comes with her removal', async () => {
    await world.say(cleo, 'online');
    await world.people.remove(cleo.id);
    await quiet();
    await world.pass(2 * KEEP_ALIVE);
    expect(words()).toEqual(['online', 'offline']);
  });

  it('is not followed by anything when the bridge stops', async () => {
    await world.say(cleo, 'online');
    await push[Symbol.asyncDispose]();
    await world.pass(2 * KEEP_ALIVE);
    expect(words()).toEqual(['online']);
  });
});

describe('keeping alive', () => {
  it('shows her without a gap for as long as she is there', async () => {
    allExist();
    await push.resume(true);
    await world.say(cleo, 'online');
    for (let second = 0; second < 240; second++) {
      await world.pass(1000);
      expect(world.fake.model.presenceOf(CLEO).presence).toBe('online');
    }
    const times = allPuts().map(({ at }) => at);
    const gaps = times.slice(1).map((at, i) => at - times[i]!);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(KEEP_ALIVE + 500);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual((KEEP_ALIVE * 2) / 3);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeGreaterThan(2000);
    expect(changes).toBe(1);
  });

  it('waits behind changes', async () => {
    await begin({ putsPerSecond: 2 });
    const ids = Array.from({ length: 40 }, (_, i) => String(100 + i));
    allExist(ids);
    const people = await Promise.all(ids.map((id) => world.add(id)));
    await push.resume(true);
    for (const person of people) await world.say(person, 'online');
    await world.pass(30_000);
    world.fake.seen.length = 0;
    // By now many are due: half the budget is not enough for all of them.
    for (const person of people.slice(0, 10)) await world.say(person, 'idle');
    await world.pass(5_500);
    const said = allPuts().map(({ body }) => body.presence);
    expect(said.filter((word) => word === 'unavailable')).toHaveLength(10);
    expect(said.lastIndexOf('unavailable')).toBeLessThan(12);
  });

  it('stops while the homeserver is down, and resumes within the budget', async () => {
    await begin({ putsPerSecond: 4 });
    const ids = Array.from({ length: 20 }, (_, i) => String(100 + i));
    allExist(ids);
    const people = await Promise.all(ids.map((id) => world.add(id)));
    await push.resume(true);
    for (const person of people) await world.say(person, 'online');
    await world.pass(10_000);
    push.pause();
    world.fake.seen.length = 0;
    await world.pass(120_000, 5000);
    for (const text of ['a', 'b', 'newest']) await world.say(people[3]!, 'online', text);
    expect(allPuts()).toEqual([]);
    await push.resume(false);
    await world.pass(900, 100);
    expect(allPuts()).toHaveLength(4);
    expect(allPuts()[0]).toMatchObject({ as: standInOf('103'), body: { status_msg: 'newest' } });
    await world.pass(5000);
    expect(new Set(allPuts().map(({ as }) => as)).size).toBe(20);
    expect(allPuts()).toHaveLength(20);
  });
});

describe('a homeserver in trouble', () => {
  beforeEach(async () => {
    allExist();
    await push.resume(true);
  });

  it.each(['reset', 'half_open', 'error', 'garbage', 'unknown_token'] as const)(
    '%s: is told, and the newest state comes once it is over',
    async (kind) => {
      const fault = world.fake.fail(kind);
      await world.say(cleo, 'online');
      expect(world.faults).toHaveLength(1);
      expect(world.outcomes).toEqual(['failed']);
      expect(world.events).toEqual([world.faults[0]!.kind]);
      await world.say(cleo, 'idle');
      fault[Symbol.dispose]();
      await world.pass(5000);
      expect(words()).toEqual(['online', 'unavailable']);
    },
  );

  it('that limits a user is not asked before its time, and others are not held up', async () => {
    allExist(['8']);
    using _ = world.fake.fail('rate_limited', { path: /_7:/, times: 1, retryAfterMs: 9000 });
    await world.say(cleo, 'online');
    await world.pass(8500);
    expect(words()).toEqual(['online']);
    await world.say(await world.add('8'), 'online');
    expect(words(standInOf('8'))).toEqual(['online']);
    await world.pass(1000);
    expect(words()).toEqual(['online', 'online']);
    expect(world.faults).toEqual([]);
  });

  it('whose proxy limits us is left alone by all', async () => {
    allExist(['8']);
    using _ = world.fake.fail('proxy_limited', { times: 1, retryAfterMs: 9000 });
    await world.say(cleo, 'online');
    await world.say(await world.add('8'), 'online');
    await world.pass(8500);
    expect(allPuts()).toHaveLength(1);
    await world.pass(1000);
    expect(allPuts()).toHaveLength(3);
  });

  it('that refuses one is asked again no sooner than it would be anyway', async () => {
    using _ = world.fake.fail('forbidden', { path: /_7:|register/ });
    await world.say(cleo, 'online');
    await world.pass((KEEP_ALIVE * 2) / 3 - 1000);
    expect(words()).toEqual(['online']);
    await world.pass(KEEP_ALIVE / 3 + 1500);
    expect(words()).toEqual(['online', 'online']);
    expect(world.faults).toEqual([]);
  });

  it('does not hold up the keep-alive of others with one who fails', async () => {
    allExist(['8']);
    await world.say(await world.add('8'), 'online');
    using _ = world.fake.fail('rate_limited', { path: /_7:/, retryAfterMs: 3_600_000 });
    await world.say(cleo, 'online');
    await world.pass(KEEP_ALIVE + 500);
    expect(words(standInOf('8'))).toHaveLength(2);
  });
});

it('the stand-in is where the network has her', () => {
  expect(matrix.standIns.kind === 'derived' && matrix.standIns.forHome('7')).toBe(CLEO);
});

describe('who was said to be busy before a start', () => {
  const BUSY = MODERN_WITH_BUSY.words.dnd;
  const noted = () => new BusyNotes(world.store).all();

  /** The bridge ends without a word, and begins again after `meanwhile`. */
  async function startAgain(meanwhile: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    await push[Symbol.asyncDispose]();
    await meanwhile();
    push = makePush();
    await push.resume(true);
    await quiet();
  }

  beforeEach(async () => {
    allExist(['7', '8', '9']);
    world.speech.dialect = MODERN_WITH_BUSY;
    world.fake.model.busy = true;
    await push.resume(true);
  });

  it('is said to be gone, once, if she is', async () => {
    await world.say(cleo, 'dnd');
    await startAgain(() => world.say(cleo, 'offline'));
    await world.pass(3 * KEEP_ALIVE);
    expect(words()).toEqual([BUSY, 'offline']);
    expect(await noted()).toEqual([]);
    await startAgain();
    expect(words()).toEqual([BUSY, 'offline']);
  });

  it('is said to be as she is, if she is there', async () => {
    const dora = await world.add('8');
    await world.say(cleo, 'dnd');
    await world.say(dora, 'dnd');
    await startAgain(() => world.say(dora, 'idle'));
    expect([words(), words(standInOf('8'))]).toEqual([
      [BUSY, BUSY],
      [BUSY, 'unavailable'],
    ]);
    expect(await noted()).toEqual([CLEO]);
  });

  it('is nobody who was there otherwise, or was busy and no longer is: those are forgotten soon', async () => {
    await world.say(cleo, 'online');
    const dora = await world.add('8');
    await world.say(dora, 'dnd');
    await world.say(dora, 'online');
    const before = allPuts().length;
    await startAgain(async () => {
      await world.say(cleo, 'offline');
      await world.say(dora, 'offline');
    });
    expect(allPuts()).toHaveLength(before);
  });

  it('is said to be gone though she is nobody any more, or is to be shown no more', async () => {
    const dora = await world.add('8');
    await world.say(cleo, 'dnd');
    await world.say(dora, 'dnd');
    await startAgain(async () => {
      await world.people.remove(cleo.id);
      await world.people.edit(dora.id, { visibility: 'nobody' });
    });
    expect([words(), words(standInOf('8'))]).toEqual([
      [BUSY, 'offline'],
      [BUSY, 'offline'],
    ]);
  });

  it('may be back before that was said', async () => {
    await world.say(cleo, 'dnd');
    const fault = world.fake.fail('error');
    await startAgain(() => world.say(cleo, 'offline'));
    await world.say(cleo, 'online');
    fault[Symbol.dispose]();
    await world.pass(5000);
    expect(words().at(-1)).toBe('online');
    expect(await noted()).toEqual([]);
  });

  it('is said to be gone though she was back in between', async () => {
    await world.say(cleo, 'dnd');
    const fault = world.fake.fail('error');
    await startAgain(() => world.say(cleo, 'offline'));
    await world.say(cleo, 'online');
    await world.say(cleo, 'offline');
    fault[Symbol.dispose]();
    await world.pass(5000);
    expect([words().at(-1), await noted()]).toEqual(['offline', []]);
  });

  it('is noted before the homeserver knows, or it is not told', async () => {
    const commit = world.store.commit.bind(world.store);
    const problems: string[] = [];
    await startAgain(() => {
      report = (problem) => void problems.push(problem);
      return Promise.resolve();
    });
    world.store.commit = () => Promise.reject(new Error('disk'));
    await world.say(cleo, 'dnd');
    expect([words(), problems]).toEqual([[], ['a push failed unexpectedly']]);
    world.store.commit = commit;
    await world.pass(5000);
    expect(words()).toEqual([BUSY]);
    world.store.commit = () => Promise.reject(new Error('disk'));
    await world.say(cleo, 'online');
    expect(words()).toEqual([BUSY, 'online']);
    world.store.commit = commit;
  });

  it('is said to be gone within the budget', async () => {
    await push[Symbol.asyncDispose]();
    await begin({ putsPerSecond: 2 });
    const ids = Array.from({ length: 7 }, (_, index) => String(20 + index));
    allExist(ids);
    await Promise.all(ids.map((id) => new BusyNotes(world.store).add(standInOf(id))));
    for (const id of ids) await new BusyNotes(world.store).add(standInOf(id));
    await push.resume(true);
    await quiet();
    expect(allPuts()).toHaveLength(2);
    await world.pass(1000);
    expect(allPuts()).toHaveLength(4);
    await world.pass(3000);
    expect(allPuts().map(({ body }) => body)).toEqual(ids.map(() => ({ presence: 'offline' })));
    expect(push.size).toBe(0);
  });
});

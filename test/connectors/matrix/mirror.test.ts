import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Mirror } from '../../../src/connectors/matrix/mirror.ts';
import { Reporting } from '../../../src/connectors/matrix/reporting.ts';
import type { Person } from '../../../src/presence/identity.ts';
import type { Availability, Mode } from '../../../src/presence/record.ts';
import { updateOf } from '../../../src/protocols/matrix/appservice.ts';
import { MODERN } from '../../../src/protocols/matrix/dialect.ts';
import { MATRIX } from '../../../src/protocols/matrix/ids.ts';
import { quiet } from '../../helpers/homeserver.ts';
import type { World } from './world.ts';
import { KEEP_ALIVE, makeWorld, peer, standInOf } from './world.ts';

const ANN = '@ann:hs.test';

let world: World;
let mirror: Mirror;
let ann: Person;

beforeEach(async () => {
  world = makeWorld();
  mirror = makeMirror();
  mirror.resume(true);
  ann = await world.addLinked('1', ANN);
  world.fake.model.addUser('ann', 'hers');
});
afterEach(() => mirror[Symbol.asyncDispose]());

function makeMirror(maxTokens = 10): Mirror {
  return new Mirror({ ...world.context, homeserver: world.homeserver, maxTokens });
}

/** Her own homeserver tells how she is there. */
async function reported(mode: Availability): Promise<void> {
  await world.presence.report(ann.id, {
    network: MATRIX,
    dialect: MODERN,
    mode,
    own: false,
    status: { text: null, emoji: null },
    activeAt: world.clock.now(),
    endsAt: world.clock.now() + 3_600_000,
  });
  await quiet();
}

async function verified(userId = ANN, token = 'hers'): Promise<void> {
  mirror.verified(userId, token);
  await quiet();
}

const puts = () => world.fake.puts(ANN);

describe('somebody whose token is known', () => {
  it('is shown as she is elsewhere, with that token, and gone once', async () => {
    await verified();
    await world.say(ann, 'online', 'here');
    await world.say(ann, 'idle');
    await world.say(ann, 'offline');
    await world.pass(3 * KEEP_ALIVE);
    expect(puts()).toEqual([
      { presence: 'online', status_msg: 'here' },
      { presence: 'unavailable', status_msg: 'here' },
      { presence: 'offline', status_msg: 'here' },
    ]);
    expect(new Set(world.fake.seen.map(({ token, as }) => `${token} ${as}`))).toEqual(new Set(['hers null']));
    expect(world.deliveredTo).toEqual(puts().map(({ presence }) => [ann.id, presence]));
  });

  it('is shown at once where she was there before', async () => {
    await world.say(ann, 'online');
    expect(puts()).toEqual([]);
    await verified();
    expect(puts()).toEqual([{ presence: 'online' }]);
  });

  it('is never heard of while she is offline elsewhere', async () => {
    await verified();
    await reported('online');
    await reported('idle');
    await world.say(ann, 'offline', 'text');
    await world.pass(2 * KEEP_ALIVE);
    expect(puts()).toEqual([]);
  });

  it('is not shown her own words again', async () => {
    await verified();
    await world.say(ann, 'idle');
    await reported('online');
    await reported('dnd');
    expect(puts()).toEqual([{ presence: 'unavailable' }]);
  });

  it('is kept alive, and no longer than she is there', async () => {
    await verified();
    await world.say(ann, 'online');
    for (let second = 0; second < 90; second++) {
      await world.pass(1000);
      expect(world.fake.model.presenceOf(ANN).presence).toBe('online');
    }
    await world.say(ann, 'offline');
    const said = puts().length;
    await world.pass(2 * KEEP_ALIVE);
    expect(puts()).toHaveLength(said);
  });

  it('is silent while the homeserver is down, and shown as she is then', async () => {
    await verified();
    mirror.pause();
    await world.say(ann, 'online');
    await world.say(ann, 'idle');
    expect(puts()).toEqual([]);
    mirror.resume(false);
    await quiet();
    expect(puts()).toEqual([{ presence: 'unavailable' }]);
  });

  it('is hidden by invisibility', async () => {
    await verified();
    await world.say(ann, 'online');
    await world.say(ann, 'invisible');
    await world.say(ann, 'invisible', 'hidden');
    await world.pass(2 * KEEP_ALIVE);
    expect(puts().slice(1)).toEqual([{ presence: 'offline' }]);
  });

  it('is hidden by visibility', async () => {
    await verified();
    await world.say(ann, 'online', 'here');
    await world.people.edit(ann.id, { visibility: 'contacts' });
    await quiet();
    await world.say(ann, 'idle');
    expect(puts().slice(1)).toEqual([{ presence: 'offline' }]);
  });
});

describe('links', () => {
  it('are what it takes: whoever is here only is left to her homeserver', async () => {
    const ben = (await world.person([{ network: MATRIX, id: '@ben:hs.test' }])).person;
    world.fake.model.addUser('ben', 'his');
    await verified('@ben:hs.test', 'his');
    await world.say(ben, 'online');
    expect(world.fake.seen).toEqual([]);
    await world.add('2');
    await world.links.link({ network: MATRIX, id: '@ben:hs.test' }, { network: peer.name, id: '2' });
    await quiet();
    expect(world.fake.puts('@ben:hs.test')).toEqual([{ presence: 'online' }]);
  });

  it('that end are the end of it', async () => {
    await verified();
    await world.say(ann, 'online');
    await world.links.unlink(ann.id);
    await quiet();
    await world.pass(2 * KEEP_ALIVE);
    expect(puts().map(({ presence }) => presence)).toEqual(['online', 'offline']);
  });

  it('to nobody yet are no trouble', async () => {
    world.fake.model.addUser('new', 'new');
    await verified('@new:hs.test', 'new');
    const person = await world.addLinked('5', '@new:hs.test');
    await world.say(person, 'online');
    await verified('@new:hs.test', 'new');
    expect(world.fake.puts('@new:hs.test')).toEqual([{ presence: 'online' }]);
  });
});

describe('tokens', () => {
  it('that are not good any more are dropped, until there is another', async () => {
    await verified();
    await world.say(ann, 'online');
    world.fake.model.tokens.delete('hers');
    world.fake.model.tokens.set('new', ANN);
    await world.say(ann, 'idle');
    await world.say(ann, 'online');
    await world.pass(2 * KEEP_ALIVE);
    expect(world.fake.seen.map(({ token }) => token)).toEqual(['hers', 'hers']);
    expect(world.faults).toEqual([]);
    await verified(ANN, 'new');
    expect(world.fake.seen.at(-1)).toMatchObject({ token: 'new', body: { presence: 'online' } });
    expect(mirror.backlog).toBe(0);
  });

  it('that began end it, while they are good', async () => {
    world.fake.model.tokens.set('second', ANN);
    await verified();
    await world.say(ann, 'online');
    await verified(ANN, 'second');
    await world.say(ann, 'offline');
    expect(world.fake.seen.map(({ token }) => token)).toEqual(['hers', 'hers']);
    await verified(ANN, 'second');
    await world.say(ann, 'online');
    expect(world.fake.seen.at(-1)?.token).toBe('second');
  });

  it('are kept of those only who came last', async () => {
    await mirror[Symbol.asyncDispose]();
    mirror = makeMirror(1);
    mirror.resume(true);
    await verified();
    await world.say(ann, 'online');
    world.fake.model.addUser('ben', 'his');
    await verified('@ben:hs.test', 'his');
    await world.say(ann, 'idle');
    await world.pass(2 * KEEP_ALIVE);
    expect(puts()).toEqual([{ presence: 'online' }]);
  });

  it('of stand-ins are none of hers', async () => {
    await verified(standInOf('1'), 'as-token');
    await world.say(ann, 'online');
    expect(world.fake.seen).toEqual([]);
  });

  it('outlive a homeserver that is down', async () => {
    await verified();
    const fault = world.fake.fail('error');
    await world.say(ann, 'online');
    expect(world.faults).toHaveLength(1);
    fault[Symbol.dispose]();
    await world.pass(5000);
    expect(puts()).toHaveLength(2);
  });
});

describe('an echo', () => {
  const echoes = (presence: string, text: string | null, id = ANN) => mirror.echoes(id, presence, text);

  it('is the word and the text that were just mirrored', async () => {
    await verified();
    expect(await echoes('online', null)).toBe(false);
    await world.say(ann, 'online', 'here');
    expect(await echoes('online', 'here')).toBe(true);
    expect(await echoes('online', null)).toBe(false);
    expect(await echoes('unavailable', 'here')).toBe(false);
    expect(await echoes('online', 'here', '@ben:hs.test')).toBe(false);
    await world.say(ann, 'idle');
    expect(await echoes('online', 'here')).toBe(false);
    expect(await echoes('unavailable', 'here')).toBe(true);
  });

  it('is not the end, which is true whoever said it', async () => {
    await verified();
    await world.say(ann, 'online');
    world.fake.fail('error');
    await world.say(ann, 'offline');
    expect(await echoes('offline', null)).toBe(false);
    expect(await echoes('online', null)).toBe(true);
  });

  it('is not the end even where she is about to be back', async () => {
    await verified();
    await world.say(ann, 'online');
    const slow = world.fake.fail('slow', { times: 1 });
    await world.say(ann, 'offline');
    await world.say(ann, 'online');
    world.fake.fail('error');
    slow[Symbol.dispose]();
    await quiet();
    expect(puts().map(({ presence }) => presence)).toEqual(['online', 'offline', 'online']);
    expect(await echoes('offline', null)).toBe(false);
  });

  it('is none any more once her end was taken', async () => {
    await verified();
    await world.say(ann, 'online');
    await world.say(ann, 'offline');
    expect(await echoes('offline', null)).toBe(false);
    expect(await echoes('online', null)).toBe(false);
  });

  it('is none while she is there herself: it tells that nothing more is left of that', async () => {
    await verified();
    await world.say(ann, 'idle');
    await reported('online');
    expect(await echoes('unavailable', null)).toBe(false);
    await reported('offline');
    expect(await echoes('unavailable', null)).toBe(true);
  });
});

describe('her end', () => {
  /** What she herself said there, through the bridge. */
  const claims = (mode: Mode) =>
    world.presence.write(ann.id, { dialect: MODERN, mode, status: { kind: 'keep' } });
  const reporting = () =>
    new Reporting({
      ...world.context,
      serverName: 'hs.test',
      senderId: '@plexibridge:hs.test',
      remoteUsers: false,
      people: world.people,
      newcomers: { find: () => Promise.resolve(null) },
      mirror,
      leases: { endsAt: () => world.clock.now() + 3_600_000 },
      metrics: { received: () => undefined },
    });
  /** The homeserver tells how she is there. */
  async function told(): Promise<void> {
    const update = updateOf(ANN, world.fake.model.presenceOf(ANN)) ?? expect.unreachable();
    await reporting().take(update, world.clock.now());
    await quiet();
  }
  const shown = async () => (await world.presence.look(ann.id)).shown.mode;

  beforeEach(async () => {
    await verified();
    world.fake.model.say(ANN, { presence: 'online' });
    await told();
    await claims('online');
    await quiet();
    expect(puts()).toEqual([{ presence: 'online' }]);
  });

  it('of her own ends what she said there', async () => {
    world.fake.model.say(ANN, { presence: 'offline' });
    await told();
    expect(await shown()).toBe('offline');
  });

  it('said by the bridge, because not everybody may see her, does not', async () => {
    await world.people.edit(ann.id, { visibility: 'contacts' });
    await quiet();
    expect(puts().at(-1)).toEqual({ presence: 'offline' });
    await told();
    expect(await shown()).toBe('online');
  });

  it('said by the bridge, because a link ended, does not', async () => {
    await world.links.unlink(ann.id);
    await quiet();
    expect(puts().at(-1)).toEqual({ presence: 'offline' });
    await told();
    ann = (await world.people.find({ network: MATRIX, id: ANN })) ?? expect.unreachable();
    expect(await shown()).toBe('online');
  });

  it('told before the homeserver has replied is known, too', async () => {
    const slow = world.fake.fail('slow', { times: 1 });
    await world.people.edit(ann.id, { visibility: 'contacts' });
    await quiet();
    world.clock.advance(60_000);
    expect(mirror.echoesEnd(ANN)).toBe(true);
    slow[Symbol.dispose]();
    await quiet();
    expect(mirror.echoesEnd(ANN)).toBe(false);
  });

  it('comes back once, and within ten seconds', async () => {
    expect(mirror.echoesEnd(ANN)).toBe(false);
    await world.people.edit(ann.id, { visibility: 'contacts' });
    await quiet();
    expect([mirror.echoesEnd(ANN), mirror.echoesEnd(ANN)]).toEqual([true, false]);
    await world.people.edit(ann.id, { visibility: 'everyone' });
    await quiet();
    await world.people.edit(ann.id, { visibility: 'contacts' });
    await quiet();
    await world.pass(10_000);
    expect(mirror.echoesEnd(ANN)).toBe(false);
  });
});

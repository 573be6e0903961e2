import { beforeEach, describe, expect, it } from 'vitest';
import { PlexichatFault } from '../../../src/connectors/plexichat/fault.ts';
import { settled } from '../../helpers/settled.ts';
import type { World } from './world.ts';
import { makeWorld, SETTINGS } from './world.ts';

const ANN = '2001';
const BEN = '2002';
const ROUND = SETTINGS.reconcile_every;

let world: World;

beforeEach(() => {
  world = makeWorld();
  return () => world[Symbol.asyncDispose]();
});

const calls = (call: string) => world.server.calls.filter((each) => each.call === call).length;
const reads = () => world.server.calls.filter(({ call }) => call === 'presence').map(({ of }) => of);

describe('a round', () => {
  it('finds at READY who is there: friends, and members of every guild', async () => {
    world.server.friends.add(ANN);
    world.server.guilds.set('1', new Set([BEN, '2003'])).set('2', new Set(['2004', world.server.bridge.id]));
    for (const id of [ANN, BEN, '2004']) world.server.write(id, 'dnd', { text: `of ${id}` });
    await world.ready();
    for (const id of [ANN, BEN, '2004']) {
      expect(await world.shown(id)).toMatchObject({ mode: 'dnd', text: `of ${id}` });
    }
    expect(await world.find('2003')).toBeNull();
    expect(await world.find(world.server.bridge.id)).toBeNull();
    expect(reads()).toHaveLength(3);
  });

  it('is made after RESUMED, too, since what happened meanwhile is lost', async () => {
    world.server.friends.add(ANN);
    await world.ready();
    world.server.disconnect();
    world.server.write(ANN, 'idle');
    await settled();
    expect(await world.shown(ANN)).toBeNull();
    world.server.connect({ ...world.life.events! }, true);
    await settled();
    expect(await world.shown(ANN)).toMatchObject({ mode: 'idle' });
    expect(world.counts.get('event resumed')).toBe(1);
  });

  it('comes again in time, and finds what was dropped', async () => {
    world.server.friends.add(ANN);
    await world.ready();
    world.server.dropsEvents = true;
    world.server.write(ANN, 'dnd', { text: 'unheard' });
    await world.pass(ROUND - 1, 10_000);
    expect(await world.shown(ANN)).toBeNull();
    await world.pass(1);
    expect(await world.shown(ANN)).toMatchObject({ mode: 'dnd', text: 'unheard' });
    world.server.write(ANN, 'offline');
    await world.pass(ROUND, 10_000);
    expect(await world.shown(ANN)).toMatchObject({ mode: 'offline', text: 'unheard' });
  });

  it('asks one by one only for those who changed, who were never read, and few of the others', async () => {
    const guild = new Set<string>();
    for (let id = 3000; id < 3012; id++) guild.add(String(id));
    world.server.guilds.set('1', guild);
    for (const id of guild) world.server.write(id, 'online');
    await world.ready();
    expect(new Set(reads())).toEqual(guild);
    expect(reads()).toHaveLength(12);
    await world.pass(ROUND, 10_000);
    expect(reads()).toHaveLength(17);
    world.server.dropsEvents = true;
    world.server.write('3002', 'idle'); // read in the round before, so that it is nobody's turn but hers
    await world.pass(ROUND, 10_000);
    expect(reads()).toHaveLength(23);
    expect(reads()[17]).toBe('3002');
  });

  it('finds by and by a status whose event was lost', async () => {
    world.server.friends.add(ANN);
    world.server.write(ANN, 'online', { text: 'old' });
    await world.ready();
    world.server.dropsEvents = true;
    world.server.write(ANN, 'online', { text: 'new' });
    await world.pass(2 * ROUND, 10_000);
    expect(await world.shown(ANN)).toMatchObject({ text: 'new' });
  });

  it('keeps to its share of the requests, and to one round at a time', async () => {
    await world[Symbol.asyncDispose]();
    world = makeWorld({ requests_per_minute: 10, reconcile_every: 20_000 });
    const guild = new Set<string>();
    for (let id = 3000; id < 3040; id++) guild.add(String(id));
    world.server.guilds.set('1', guild);
    for (const id of guild) world.server.write(id, 'online');
    await world.ready();
    for (let minute = 0; minute < 12; minute++) {
      const before = world.server.calls.length;
      await world.pass(60_000, 5000);
      expect(world.server.calls.length - before).toBeLessThanOrEqual(5);
    }
    expect(await world.shown('3039')).toMatchObject({ mode: 'online' });
    expect(world.server.calls.length).toBeGreaterThan(50);
  });
});

describe('a stale list', () => {
  it('does not undo what was heard since', async () => {
    world.server.friends.add(ANN);
    world.server.listAge = { relationships: 60_000, members: 30_000 };
    await world.ready();
    await world.pass(20_000);
    world.server.write(ANN, 'online');
    await settled();
    world.server.disconnect();
    await world.ready();
    expect(await world.shown(ANN)).toMatchObject({ mode: 'online' });
  });

  it('is believed once the cache of the server must have been emptied', async () => {
    world.server.friends.add(ANN);
    world.server.write(ANN, 'online');
    await world.ready();
    world.server.dropsEvents = true;
    world.server.write(ANN, 'offline');
    await world.pass(59_000);
    world.server.disconnect();
    await world.ready();
    expect(await world.shown(ANN)).toMatchObject({ mode: 'online' });
    await world.pass(2000);
    world.server.disconnect();
    await world.ready();
    expect(await world.shown(ANN)).toMatchObject({ mode: 'offline' });
  });

  it('of friends yields to one of members, which is fresher', async () => {
    world.server.friends.add(ANN);
    world.server.guilds.set('1', new Set([ANN]));
    world.server.listAge = { relationships: 60_000, members: 0 };
    await world.ready();
    world.server.dropsEvents = true;
    await world.pass(1000);
    world.server.write(ANN, 'dnd');
    world.server.disconnect();
    await world.ready();
    expect(await world.shown(ANN)).toMatchObject({ mode: 'dnd' });
  });
});

describe('somebody whom no list names any more', () => {
  beforeEach(async () => {
    world.server.friends.add(ANN);
    world.server.write(ANN, 'online');
    await world.ready();
    world.server.friends.delete(ANN);
    world.server.dropsEvents = true;
  });

  it('is asked for, and offline when the server says so', async () => {
    world.server.write(ANN, 'offline');
    await world.pass(ROUND, 10_000);
    expect(await world.shown(ANN)).toMatchObject({ mode: 'offline' });
  });

  it('is asked for by a new process, too', async () => {
    await world.crash();
    world.server.write(ANN, 'offline');
    await world.ready();
    expect(await world.shown(ANN)).toMatchObject({ mode: 'offline' });
  });

  it('is left as she is when the server still shows her', async () => {
    await world.pass(2 * ROUND, 10_000);
    expect(await world.shown(ANN)).toMatchObject({ mode: 'online' });
    expect(reads().length).toBeGreaterThan(2);
  });

  it('is not asked for on the strength of a list that could not be read', async () => {
    world.server.fails = (call) =>
      call === 'relationships' ? { when: 'before', error: new PlexichatFault('unavailable') } : null;
    const before = reads().length;
    await world.pass(2 * ROUND, 10_000);
    expect(reads()).toHaveLength(before);
  });
});

describe('trouble', () => {
  it('of a list is met with patience, and the round comes to its end', async () => {
    world.server.friends.add(ANN);
    world.server.write(ANN, 'online');
    const limited = new PlexichatFault('rate_limited', { retryAfterMs: 90_000 });
    world.server.fails = () => ({ when: 'before', error: limited });
    await world.ready();
    expect(calls('relationships')).toBe(1);
    world.server.fails = () => null;
    await world.pass(89_000);
    expect(calls('relationships')).toBe(1);
    await world.pass(3000);
    expect(await world.shown(ANN)).toMatchObject({ mode: 'online' });
  });

  it('of one guild that may not be read does not keep the others from it', async () => {
    world.server.guilds.set('1', new Set([ANN])).set('2', new Set([BEN]));
    world.server.write(BEN, 'online');
    world.server.fails = (call, of) =>
      call === 'members' && of === '1' ? { when: 'before', error: new PlexichatFault('forbidden') } : null;
    await world.ready();
    expect(await world.shown(BEN)).toMatchObject({ mode: 'online' });
  });

  it('of one user is tried again unless it is for good', async () => {
    world.server.friends.add(ANN);
    world.server.write(ANN, 'online', { text: 'read' });
    world.server.failOnce('presence', 'before', new PlexichatFault('unavailable'));
    await world.ready();
    expect(await world.shown(ANN)).toMatchObject({ text: null });
    await world.pass(5000);
    expect(await world.shown(ANN)).toMatchObject({ text: 'read' });
    expect(reads()).toHaveLength(2);
  });

  it('does not repeat what is refused', async () => {
    world.server.friends.add(ANN);
    world.server.write(ANN, 'online');
    world.server.fails = (call) =>
      call === 'presence' ? { when: 'before', error: new PlexichatFault('refused') } : null;
    await world.ready();
    await world.pass(60_000);
    expect(reads()).toHaveLength(1);
  });

  it('stops with the connection', async () => {
    world.server.friends.add(ANN);
    world.server.fails = () => ({ when: 'before', error: new PlexichatFault('unavailable') });
    await world.ready();
    world.server.disconnect();
    const before = world.server.calls.length;
    await world.pass(3 * ROUND, 10_000);
    expect(world.server.calls).toHaveLength(before);
  });
});

describe('a reading', () => {
  it('takes text and activity, and never an activity in the future', async () => {
    world.server.friends.add(ANN);
    world.server.skew = 3_600_000;
    world.server.write(ANN, 'online', { text: 'x', emoji: 'y' });
    await world.ready();
    expect(await world.shown(ANN)).toMatchObject({ text: 'x', emoji: 'y', lastActivity: world.clock.now() });
    await world[Symbol.asyncDispose]();
    world = makeWorld();
    world.server.friends.add(ANN);
    world.server.skew = -3_600_000;
    world.server.write(ANN, 'online');
    await world.ready();
    expect(await world.shown(ANN)).toMatchObject({ lastActivity: world.clock.now() - 3_600_000 });
  });

  it('does not bring back the status before the one that was heard', async () => {
    world.server.friends.add(ANN);
    await world.ready();
    world.server.write(ANN, 'online', { text: 'new' });
    await settled();
    world.server.rows.set(ANN, { ...world.server.row(ANN), status: { text: 'before', emoji: null } });
    await world.pass(ROUND - 1000, 30_000);
    world.server.disconnect();
    await world.ready();
    expect(await world.shown(ANN)).toMatchObject({ text: 'new' });
    expect(reads().length).toBeGreaterThan(0);
  });

  it('is done again when something was heard meanwhile', async () => {
    world.server.friends.add(ANN);
    world.server.write(ANN, 'idle');
    await world.ready();
    world.server.dropsEvents = true;
    world.server.write(ANN, 'online');
    world.server.dropsEvents = false;
    world.server.fails = (call) => {
      if (call !== 'presence') return null;
      world.server.fails = () => null;
      queueMicrotask(() => queueMicrotask(() => world.server.write(ANN, 'dnd')));
      return null;
    };
    await world.pass(ROUND, 10_000);
    expect(await world.shown(ANN)).toMatchObject({ mode: 'dnd' });
  });
});

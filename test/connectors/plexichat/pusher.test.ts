import { beforeEach, describe, expect, it } from 'vitest';
import { PlexichatFault } from '../../../src/connectors/plexichat/fault.ts';
import type { Person } from '../../../src/presence/identity.ts';
import { PLEXICHAT } from '../../../src/protocols/plexichat/ids.ts';
import { settled } from '../../helpers/settled.ts';
import type { World } from './world.ts';
import { makeWorld, other } from './world.ts';

const ANN = '2001';
const set = (text: string, emoji: string | null = null) => ({ kind: 'set', text, emoji }) as const;

let world: World;
let ann: Person;

async function begin(settings = {}): Promise<void> {
  world = makeWorld(settings);
  await world.ready();
  ann = await world.linked(ANN);
  await world.give(ann);
}

const bodies = () => world.server.writes.map(({ write }) => write);
const row = () => world.server.row(ANN);
const calls = (call: string) => world.server.calls.filter((each) => each.call === call).length;

beforeEach(async () => {
  await begin();
  return () => world[Symbol.asyncDispose]();
});

describe('what is written', () => {
  it('follows her other networks, and ends once', async () => {
    await world.says(ann, 'dnd');
    await world.says(ann, 'chat');
    await world.says(ann, 'offline');
    await world.says(ann, 'offline');
    expect(bodies()).toEqual([{ status: 'dnd' }, { status: 'online' }, { status: 'offline' }]);
    expect(world.deliveries.of(ann.id)).toMatchObject([
      { kind: 'server', to: 'Plexichat server', said: 'offline' },
    ]);
    expect(await world.feed(ANN)).toMatchObject({
      mode: 'offline',
      written: { mode: 'offline', at: row().seenAt },
    });
  });

  it('is nothing for somebody who was never there', async () => {
    await world.says(ann, 'offline');
    await world.pass(600_000, 60_000);
    expect(bodies()).toEqual([]);
  });

  it('is what is there when she gives her token', async () => {
    await world.revoke(ann.id);
    await world.says(ann, 'idle');
    expect(bodies()).toEqual([]);
    await world.give(ann);
    expect(bodies()).toEqual([{ status: 'idle' }]);
  });

  it('ends with an explicit offline, but not for her next word there', async () => {
    world.server.write(ANN, 'idle');
    await settled();
    await world.says(ann, 'dnd');
    expect(row().mode).toBe('dnd');
    await world.says(ann, 'offline');
    expect(row().mode).toBe('offline');
    world.clock.advance(1000);
    world.server.write(ANN, 'online');
    await settled();
    expect(await world.feed(ANN)).toMatchObject({ mode: 'online', written: null });
    expect(row().mode).toBe('online');
  });

  it('falls back to her own word there when a session ends elsewhere', async () => {
    world.server.write(ANN, 'idle');
    await settled();
    const session = { kind: 'session', id: 'a', origin: other.name, mode: 'online', active: true } as const;
    await world.presence.signal(ann.id, { ...session, endsAt: world.clock.now() + 60_000 });
    await settled();
    expect(row().mode).toBe('online');
    await world.pass(61_000);
    expect(bodies()).toEqual([{ status: 'online' }, { status: 'idle' }]);
    expect(await world.shown(ANN)).toMatchObject({ mode: 'idle' });
  });

  it('never comes back as her own word', async () => {
    await world.says(ann, 'online');
    expect(world.counts.get('received echo')).toBe(1);
    await world.pass(900_000, 30_000);
    expect(await world.feed(ANN)).toMatchObject({ mode: 'offline', written: { mode: 'idle' } });
    await world.says(ann, 'offline');
    expect(row().mode).toBe('offline');
    expect(await world.shown(ANN)).toMatchObject({ mode: 'offline' });
  });

  it('is not written when it is there already', async () => {
    world.server.write(ANN, 'dnd');
    await settled();
    await world.says(ann, 'dnd');
    expect(bodies()).toEqual([]);
    expect(world.counts.get('pushed unchanged')).toBeGreaterThan(0);
  });

  it('never identifies with her token, and reads before each write', async () => {
    await world.says(ann, 'online');
    await world.says(ann, 'dnd');
    const hers = world.server.calls.filter(
      ({ token }) => token !== world.server.bridge.token && token !== '',
    );
    expect(hers.map(({ call }) => call)).toEqual([
      'identify',
      'presence',
      'presence',
      'writePresence',
      'presence',
      'writePresence',
    ]);
  });
});

describe('what she said there through the bridge', () => {
  const mode = async () => (await world.shown(ANN))?.mode;

  it('ends when the server says that she left', async () => {
    world.server.write(ANN, 'online');
    await settled();
    await world.claims(ann, 'dnd');
    expect(row().mode).toBe('dnd');
    await world.pass(1000);
    world.server.write(ANN, 'offline');
    await settled();
    expect([await mode(), row().mode]).toEqual(['offline', 'offline']);
    await world.pass(600_000, 60_000);
    expect([await mode(), row().mode]).toEqual(['offline', 'offline']);
  });

  it('ends when that is only found by asking', async () => {
    world.server.write(ANN, 'online');
    await settled();
    await world.claims(ann, 'dnd');
    world.server.dropsEvents = true;
    await world.pass(1000);
    world.server.write(ANN, 'offline');
    await world.pass(600_000, 60_000);
    expect([await mode(), row().mode]).toEqual(['offline', 'offline']);
  });

  it.each([0, 9_999, 10_000, 60_000])(
    'does not end by what the bridge wrote, told after %s ms',
    async (ms) => {
      world.server.write(ANN, 'online');
      await settled();
      await world.says(ann, 'dnd');
      world.server.dropsEvents = true;
      await world.says(ann, 'offline');
      expect(row().mode).toBe('offline');
      world.clock.advance(ms);
      await world.claims(ann, 'online');
      world.server.events.presence({ userId: ANN, mode: 'offline', status: undefined });
      await settled();
      expect([await mode(), row().mode]).toEqual(['online', 'online']);
    },
  );
});

describe('the status', () => {
  it('is sent only when it differs, and cleared with an empty text', async () => {
    await world.says(ann, 'online', set('hello', '☕'));
    await world.says(ann, 'idle');
    await world.says(ann, 'idle', set('new'));
    await world.says(ann, 'idle', { kind: 'clear' });
    expect(bodies()).toEqual([
      { status: 'online', custom_status: 'hello', custom_emoji: '☕' },
      { status: 'idle' },
      { status: 'idle', custom_status: 'new' },
      { status: 'idle', custom_status: '' },
    ]);
  });

  it('is cut to what the server takes; an emoji alone is not sent', async () => {
    await world.says(ann, 'online', { kind: 'set', emoji: '☕' });
    await world.says(ann, 'online', set('x'.repeat(200), 'e'.repeat(70)));
    await world.says(ann, 'online', set('a\0b', '\0'));
    const [alone, long, nul] = bodies();
    expect(alone).toEqual({ status: 'online' });
    expect(Array.from(long?.custom_status ?? '')).toHaveLength(128);
    expect(long?.custom_emoji).toHaveLength(64);
    expect(nul).toEqual({ status: 'online', custom_status: 'ab' });
  });

  it('of her own is no change to be written there', async () => {
    await world.says(ann, 'online');
    world.server.write(ANN, 'idle', { text: 'mine' });
    await settled();
    expect(row()).toMatchObject({ mode: 'idle', status: { text: 'mine' } });
    expect(await world.shown(ANN)).toMatchObject({ text: 'mine' });
    expect(bodies()).toHaveLength(1);
  });

  it('is not written again when the server shows the one before', async () => {
    await world.says(ann, 'online', set('one'));
    world.server.rows.set(ANN, { ...row(), status: { text: null, emoji: null } });
    await world.pass(700_000, 60_000);
    const texts = bodies().filter((body) => 'custom_status' in body);
    expect(texts).toHaveLength(1);
  });
});

describe('her own word', () => {
  it('stands until the other side changes again', async () => {
    await world.says(ann, 'online');
    world.clock.advance(20_000);
    world.server.write(ANN, 'idle');
    await world.pass(120_000, 10_000);
    expect(row().mode).toBe('idle');
    expect(bodies()).toHaveLength(1);
    await world.says(ann, 'dnd');
    expect(row().mode).toBe('dnd');
  });

  it('is found and left alone when its event was lost', async () => {
    await world.says(ann, 'online');
    world.clock.advance(20_000);
    world.server.dropsEvents = true;
    world.server.write(ANN, 'idle');
    await world.says(ann, 'dnd');
    expect(row().mode).toBe('idle');
    expect(await world.feed(ANN)).toMatchObject({ mode: 'idle', written: null });
    await world.says(ann, 'online');
    expect(row().mode).toBe('online');
  });

  it('is told from an echo that comes late', async () => {
    await world.says(ann, 'online');
    await world.pass(15_000);
    const late = { userId: ANN, mode: 'online', status: undefined } as const;
    world.server.events.presence(late);
    await settled();
    expect(await world.feed(ANN)).toMatchObject({ mode: 'offline' });
    world.server.write(ANN, 'online');
    await settled();
    expect(await world.feed(ANN)).toMatchObject({ mode: 'online', written: null });
    await world.says(ann, 'offline');
    expect(bodies()).toHaveLength(1);
  });

  it('that comes between the reading and the write is not lost', async () => {
    world.server.fails = (call) => {
      if (call === 'writePresence') world.server.write(ANN, 'idle');
      return null;
    };
    await world.says(ann, 'online');
    world.server.fails = () => null;
    expect(row().mode).toBe('online');
    expect(await world.feed(ANN)).toMatchObject({ mode: 'idle' });
    const session = { kind: 'session', id: 'a', origin: other.name, mode: 'online', active: true } as const;
    await world.presence.signal(ann.id, { ...session, endsAt: world.clock.now() + 60_000 });
    await settled();
    expect(row().mode).toBe('online');
  });

  it('is taken from the newest event, whatever an older reading says', async () => {
    world.server.fails = (call) => {
      if (call !== 'presence') return null;
      world.server.fails = () => null;
      queueMicrotask(() => queueMicrotask(() => world.server.write(ANN, 'dnd')));
      return null;
    };
    await world.says(ann, 'online');
    expect(await world.feed(ANN)).toMatchObject({ mode: 'dnd' });
    expect(row().mode).toBe('dnd');
  });
});

describe('an invisible person', () => {
  it('is never written', async () => {
    world.server.write(ANN, 'invisible');
    await settled();
    await world.says(ann, 'online');
    await world.says(ann, 'dnd', set('secret'));
    expect(await world.shown(ANN)).toMatchObject({ mode: 'offline', text: null });
    await world.sets(ann, 'online', set('open'));
    expect(await world.shown(ANN)).toMatchObject({ mode: 'online', text: 'open' });
    expect(bodies()).toEqual([]);
  });

  it('is hidden here as soon as she hides there', async () => {
    await world.says(ann, 'online');
    world.server.write(ANN, 'invisible');
    await settled();
    expect((await world.presence.look(ann.id)).own.mode).toBe('invisible');
    expect(await world.shown(ANN)).toMatchObject({ mode: 'offline' });
    expect(bodies()).toHaveLength(1);
    world.clock.advance(1000);
    world.server.write(ANN, 'online');
    await settled();
    expect(await world.shown(ANN)).toMatchObject({ mode: 'online' });
  });

  it('by her own word elsewhere is written as offline, and nothing after', async () => {
    await world.says(ann, 'online');
    await world.sets(ann, 'invisible', set('secret'));
    const requests = world.server.calls.length;
    await world.sets(ann, 'invisible', set('more'));
    await world.says(ann, 'dnd', { kind: 'clear' });
    expect(bodies()).toEqual([{ status: 'online' }, { status: 'offline' }]);
    expect(world.server.calls).toHaveLength(requests);
  });
});

describe('who is written', () => {
  it('is nobody who may not be seen by everyone', async () => {
    await world.says(ann, 'online', set('hi'));
    await world.people.edit(ann.id, { visibility: 'contacts' });
    await settled();
    expect(bodies().at(-1)).toEqual({ status: 'offline', custom_status: '' });
    await world.says(ann, 'dnd');
    expect(bodies()).toHaveLength(2);
    await world.people.edit(ann.id, { visibility: 'everyone' });
    await settled();
    expect(row()).toMatchObject({ mode: 'dnd', status: { text: 'hi' } });
  });

  it('is nobody who is parted by a block from somebody there', async () => {
    await world.says(ann, 'online');
    const ben = await world.linked('2002');
    await world.contacts.block(ann.id, ben.id, true);
    await world.pass(360_000, 60_000);
    expect(row().mode).toBe('offline');
  });

  it('is nobody who is no longer linked', async () => {
    await world.says(ann, 'online');
    await world.links.unlink(ann.id);
    await settled();
    expect(row().mode).toBe('offline');
  });

  it('is nobody where writing is switched off', async () => {
    await world[Symbol.asyncDispose]();
    await begin({ push: false });
    await world.says(ann, 'online');
    expect(bodies()).toEqual([]);
    expect(calls('presence')).toBe(0);
  });

  it('is taken back when she takes back her token', async () => {
    await world.says(ann, 'online');
    await world.revoke(ann.id);
    expect(row().mode).toBe('offline');
    await world.says(ann, 'dnd');
    expect(bodies()).toHaveLength(2);
  });
});

describe('trouble', () => {
  const fault = (
    kind: 'rate_limited' | 'unavailable' | 'refused' | 'forbidden' | 'unauthorized',
    ms?: number,
  ) => new PlexichatFault(kind, ms === undefined ? {} : { retryAfterMs: ms });

  it('waits as long as the server says, and writes only the newest then', async () => {
    world.server.fails = () => ({ when: 'before', error: fault('rate_limited', 30_000) });
    await world.says(ann, 'online');
    const hers = () => world.server.calls.filter(({ token }) => token !== '1.bridge');
    const before = hers().length;
    await world.says(ann, 'dnd');
    await world.says(ann, 'idle');
    await world.pass(29_000);
    expect(hers()).toHaveLength(before);
    world.server.fails = () => null;
    await world.pass(3000);
    expect(bodies()).toEqual([{ status: 'idle' }]);
    expect(world.counts.get('pushed failed')).toBe(1);
  });

  it('knows its own write when the reply was lost', async () => {
    world.server.fails = (call) =>
      call === 'writePresence' ? { when: 'after', error: fault('unavailable') } : null;
    await world.says(ann, 'online');
    world.server.fails = () => null;
    await world.pass(10_000);
    expect(await world.feed(ANN)).toMatchObject({
      mode: 'offline',
      written: { mode: 'online', at: row().seenAt },
    });
    expect(bodies()).toHaveLength(1);
    await world.says(ann, 'offline');
    expect(row().mode).toBe('offline');
  });

  it('knows its own older write when the newer never arrived', async () => {
    await world.says(ann, 'online');
    world.server.fails = (call) =>
      call === 'writePresence' ? { when: 'before', error: fault('unavailable') } : null;
    await world.says(ann, 'dnd');
    await world.crash();
    world.server.fails = () => null;
    await world.says(ann, 'offline');
    await world.ready();
    await world.pass(5000);
    expect(row().mode).toBe('offline');
    expect(await world.feed(ANN)).toMatchObject({ mode: 'offline' });
  });

  it('knows its own write when the process died before the reply', async () => {
    world.server.fails = (call) => (call === 'writePresence' ? { when: 'hang' } : null);
    await world.says(ann, 'online');
    expect(row().mode).toBe('online');
    await world.crash();
    world.server.fails = () => null;
    await world.ready();
    await world.pass(5000);
    expect(await world.feed(ANN)).toMatchObject({ mode: 'offline', written: { mode: 'online' } });
    await world.says(ann, 'offline');
    expect(row().mode).toBe('offline');
  });

  it('waits while the server is out of reach', async () => {
    world.server.disconnect();
    await settled();
    await world.says(ann, 'online');
    await world.says(ann, 'idle');
    expect(world.connector.health()).toMatchObject({ state: 'down', backlog: 1 });
    await world.ready();
    expect(bodies()).toHaveLength(1);
    expect(world.connector.health()).toMatchObject({ state: 'up', backlog: 0 });
  });

  it('forgets a token that the server refuses twice, and says so without it', async () => {
    world.server.owners.delete(`1.of-${ann.id}`);
    await world.says(ann, 'online');
    expect(await world.held.of(ann.id)).toBeNull();
    expect(world.log.filter(({ level }) => level === 'warn')).toHaveLength(1);
    expect(JSON.stringify(world.log)).not.toContain('1.of-');
    const requests = world.server.calls.length;
    await world.says(ann, 'dnd');
    expect(world.server.calls).toHaveLength(requests);
  });

  it('keeps a token that is refused once', async () => {
    let refusals = 1;
    world.server.fails = (call) =>
      call === 'presence' && refusals-- > 0 ? { when: 'before', error: fault('unauthorized') } : null;
    await world.says(ann, 'online');
    await world.pass(10_000);
    expect(await world.held.of(ann.id)).not.toBeNull();
    expect(row().mode).toBe('online');
  });

  it('does not repeat what is refused for good', async () => {
    world.server.fails = (call) =>
      call === 'writePresence' ? { when: 'before', error: fault('refused') } : null;
    await world.says(ann, 'online');
    await world.pass(60_000);
    expect(calls('writePresence')).toBe(1);
    await world.says(ann, 'dnd');
    expect(calls('writePresence')).toBe(2);
  });

  it('of the store is reported, and the write tried again', async () => {
    const noteWritten = world.presence.noteWritten.bind(world.presence);
    world.presence.noteWritten = () => Promise.reject(new Error('disk'));
    await world.says(ann, 'online');
    expect(world.troubles).toHaveLength(1);
    expect(bodies()).toEqual([]);
    world.presence.noteWritten = noteWritten;
    await world.pass(10_000);
    expect(bodies()).toEqual([{ status: 'online' }]);
  });

  it('does not make the clock of the server matter', async () => {
    for (const skew of [-86_400_000, 86_400_000]) {
      await world[Symbol.asyncDispose]();
      await begin();
      world.server.skew = skew;
      await world.says(ann, 'online');
      world.clock.advance(60_000);
      world.server.write(ANN, 'dnd');
      await settled();
      expect(await world.shown(ANN)).toMatchObject({ mode: 'dnd' });
      expect((await world.shown(ANN))?.lastActivity).toBeLessThanOrEqual(world.clock.now());
      await world.says(ann, 'offline');
      expect(row().mode).toBe('dnd');
    }
  });
});

it('finds a token that came by a link, and one that is gone', async () => {
  const cid = (await world.person([{ network: PLEXICHAT, id: '2003' }])).person;
  await world.give(cid);
  await world.says(cid, 'online');
  expect(world.server.writes).toHaveLength(0);
  const dora = (await world.person([{ network: other.name, id: '@dora' }])).person;
  await world.links.link({ network: PLEXICHAT, id: '2003' }, { network: other.name, id: '@dora' });
  await world.pass(301_000, 60_000);
  expect(world.server.row('2003').mode).not.toBe('offline');
  await world.people.remove((await world.find('2003'))!.id);
  await world.pass(301_000, 60_000);
  expect(world.troubles).toEqual([]);
  expect(dora).toBeDefined();
});

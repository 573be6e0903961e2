import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Sighting, Watch } from '../../src/presence/audience.ts';
import type { Person } from '../../src/presence/identity.ts';
import type { Mode } from '../../src/presence/record.ts';
import type { Own } from '../../src/presence/shown.ts';
import { bridgeDialect } from '../../src/surfaces/bridge/dialect.ts';
import type { TestBridge } from '../helpers/bridge.ts';
import { fakeNetwork, makeBridge } from '../helpers/bridge.ts';
import { settled } from '../helpers/settled.ts';

const net = fakeNetwork('net');

let bridge: TestBridge;
let ann: Person;
let bob: Person;
let seen: string[];

const address = (person: Person) => ({ network: net.name, id: person.addresses[0]!.id });

async function person(id: string, visibility: 'everyone' | 'contacts' | 'nobody' = 'everyone') {
  return (await bridge.person([{ network: net.name, id }], { visibility })).person;
}

async function say(who: Person, mode: Mode, text?: string): Promise<void> {
  const status =
    text === undefined ? ({ kind: 'keep' } as const) : ({ kind: 'set', text, emoji: null } as const);
  await bridge.presence.write(who.id, { dialect: bridgeDialect, mode, status });
}

/** Ann's view of others as `<name> <mode> <text>`, and of herself as `self <mode>`. */
async function watch(notes = seen): Promise<Watch> {
  return bridge.audience.watch(ann.id, {
    sighted: (sighting) => notes.push(describeSighting(sighting)),
    own: (own: Own) => notes.push(`self ${own.mode}`),
  });
}

function describeSighting({ person: { addresses }, shown }: Sighting): string {
  return [addresses[0]?.id, shown.mode, shown.status?.text].filter(Boolean).join(' ');
}

beforeEach(async () => {
  bridge = makeBridge({ networks: [net] });
  ann = await person('ann');
  bob = await person('bob');
  seen = [];
  await bridge.contacts.change(ann.id, [address(bob)], []);
});

describe('an audience', () => {
  it('starts from what is shown now and tells each change once, in order', async () => {
    await say(bob, 'idle');
    using watched = await watch();
    expect(watched.sightings.map(describeSighting)).toEqual(['bob idle']);
    await say(bob, 'online');
    await say(bob, 'online');
    await say(bob, 'dnd', 'busy');
    expect(seen).toEqual(['bob online', 'bob dnd busy']);
  });

  it('tells nothing of strangers, and of herself what she sees herself', async () => {
    using watched = await watch();
    await say(await person('eve'), 'online');
    await say(ann, 'invisible');
    expect(watched.own.mode).toBe('offline');
    expect(seen).toEqual(['self invisible']);
  });

  it('tells what time does, within the millisecond', async () => {
    await say(bob, 'online');
    using _ = await watch();
    bridge.clock.advance(299_999);
    await settled();
    expect(seen).toEqual([]);
    bridge.clock.advance(1);
    await settled();
    expect(seen).toEqual(['bob idle']);
    bridge.clock.advance(1_500_000);
    await settled();
    expect(seen).toEqual(['bob idle', 'bob offline']);
  });

  it('is not woken by what an invisible person does', async () => {
    await say(bob, 'online');
    using _ = await watch();
    await say(bob, 'invisible', 'secret');
    expect(seen).toEqual(['bob offline']);
    await say(bob, 'invisible', 'more');
    await bridge.presence.signal(bob.id, {
      kind: 'session',
      id: 'phone',
      origin: net.name,
      mode: 'online',
      active: true,
      endsAt: bridge.clock.now() + 1000,
    });
    await say(bob, 'offline');
    bridge.clock.advance(3_600_000);
    await settled();
    expect(seen).toEqual(['bob offline']);
  });

  it('follows invites, drops, blocks and visibility at once', async () => {
    const cleo = await person('cleo', 'contacts');
    await say(cleo, 'online');
    await say(bob, 'online');
    using _ = await watch();
    await bridge.contacts.change(ann.id, [address(cleo)], []);
    expect(seen).toEqual([]);
    await bridge.contacts.change(cleo.id, [address(ann)], []);
    expect(seen.splice(0)).toEqual(['cleo online']);
    await bridge.contacts.change(cleo.id, [], [address(ann)]);
    expect(seen.splice(0)).toEqual(['cleo offline']);
    await say(cleo, 'dnd');
    expect(seen).toEqual([]);

    await bridge.contacts.block(bob.id, ann.id, true);
    expect(seen.splice(0)).toEqual(['bob offline']);
    await bridge.contacts.block(bob.id, ann.id, false);
    expect(seen.splice(0)).toEqual(['bob online']);
    await bridge.people.edit(bob.id, { visibility: 'nobody' });
    expect(seen.splice(0)).toEqual(['bob offline']);
    await bridge.people.edit(bob.id, { visibility: 'everyone' });
    expect(seen.splice(0)).toEqual(['bob online']);
    await bridge.contacts.change(ann.id, [], [address(bob)]);
    expect(seen.splice(0)).toEqual(['bob offline']);
  });

  it('shows somebody who is made after she was invited, and nobody who was removed', async () => {
    using _ = await watch();
    await bridge.contacts.change(ann.id, [{ network: net.name, id: 'new' }], []);
    const late = await person('new');
    await say(late, 'online');
    expect(seen.splice(0)).toEqual(['new offline', 'new online']);
    await bridge.people.remove(late.id);
    expect(seen).toEqual(['new offline']);
  });

  it('tells several watchers of one observer, and none that has ended', async () => {
    const second: string[] = [];
    const first = await watch();
    using _ = await watch(second);
    first[Symbol.dispose]();
    await say(bob, 'online');
    expect([seen, second]).toEqual([[], ['bob online']]);
  });

  it('starts afresh after the last watcher has gone', async () => {
    (await watch())[Symbol.dispose]();
    await say(bob, 'dnd');
    using watched = await watch();
    expect(watched.sightings.map(describeSighting)).toEqual(['bob dnd']);
    expect(seen).toEqual([]);
  });

  it('tells movement of the last activity once it has added up to a minute', async () => {
    await say(bob, 'online');
    using _ = await watch();
    for (let second = 0; second < 130; second += 10) {
      bridge.clock.advance(10_000);
      await say(bob, 'online');
    }
    expect(seen).toEqual(['bob online', 'bob online']);
  });
});

describe('timers after a restart', () => {
  it('are taken up from the store', async () => {
    await say(bob, 'online');
    const again = makeBridge({ networks: [net], store: bridge.store });
    await again.presence.start();
    const modes: string[] = [];
    again.presence.subscribe(({ shown }) => modes.push(shown.mode));
    again.clock.advance(300_000);
    await settled();
    again.clock.advance(1_500_000);
    await settled();
    expect(modes).toEqual(['idle', 'offline']);
  });
});

describe('an audience under races', () => {
  it('keeps a watcher that comes while another one goes', async () => {
    const first = await watch([]);
    const second = watch();
    first[Symbol.dispose]();
    using _ = await second;
    await say(bob, 'online');
    expect(seen).toEqual(['bob online']);
  });

  it('starts anew after a start that failed', async () => {
    vi.spyOn(bridge.presence, 'look').mockRejectedValueOnce(new Error('no disk'));
    await expect(watch()).rejects.toThrow('no disk');
    using watched = await watch();
    expect(watched.sightings.map(describeSighting)).toEqual(['bob offline']);
    await say(bob, 'online');
    expect(seen).toEqual(['bob online']);
  });

  it('misses no change that comes while it starts', async () => {
    for (let turns = 0; turns < 30; turns++) {
      await say(bob, 'offline');
      const starting = watch();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      await say(bob, 'dnd');
      using watched = await starting;
      const last = [...watched.sightings.map(describeSighting), ...seen.splice(0)].at(-1);
      expect(last).toBe('bob dnd');
    }
  });

  it('tells a new name or id even when nothing else has changed', async () => {
    using _ = await watch();
    await bridge.people.edit(bob.id, { displayName: 'Robert' });
    expect(seen).toEqual(['bob offline']);
    await bridge.people.edit(bob.id, { displayName: 'Robert' });
    expect(seen).toEqual(['bob offline']);
  });
});

describe('a link', () => {
  const other = fakeNetwork('other', 'derived');

  it('is told to who watches, and its timers run', async () => {
    bridge = makeBridge({ networks: [net, other] });
    ann = await person('ann');
    bob = await person('bob');
    const { person: younger } = await bridge.person([{ network: other.name, id: 'bob-there' }]);
    await bridge.contacts.change(ann.id, [address(bob)], []);
    await say(bob, 'idle');
    bridge.clock.advance(1000);
    await say(younger, 'online');
    using _ = await watch();
    await bridge.links.link(address(bob), { network: other.name, id: 'bob-there' });
    expect(seen.splice(0)).toContain('bob online');
    bridge.clock.advance(300_000);
    await settled();
    expect(seen).toEqual(['bob idle']);
  });
});

import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/presence/clock.ts';
import type { Mode, PresenceRecord } from '../../src/presence/record.ts';
import { NOTHING_SHOWN } from '../../src/presence/shown.ts';
import type { PersonId, Visibility } from '../../src/presence/identity.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { dialects, poor, QUIET, rich, says } from './dialects.ts';
import { RULES } from '../helpers/bridge.ts';
import { makeWorld, onLoud } from './world.ts';

/** A store where `others` nodes win the race for a record before this one does. */
class ContestedStore extends MemoryStore {
  others = 0;

  override async compareAndSet(person: PersonId, expected: number, record: PresenceRecord): Promise<boolean> {
    if (this.others > 0) {
      this.others--;
      const at = record.lastActivity ?? 0;
      const claim = { mode: 'dnd', origin: QUIET, at, activeAt: at, expiresAt: null } as const;
      await super.compareAndSet(person, expected, { ...record, claim });
    }
    return super.compareAndSet(person, expected, record);
  }
}

describe('what a person writes', () => {
  it('is answered as she now sees it, and read back', async () => {
    const { born, presence, clock } = makeWorld();
    const { id } = await born('a', null);
    expect(await presence.own(id)).toEqual(NOTHING_SHOWN);
    const own = await presence.write(id, says(rich, 'invisible', { kind: 'set', text: 'a', emoji: null }));
    expect(own).toMatchObject({ mode: 'invisible', status: { text: 'a' }, lastActivity: clock.now() });
    expect(await presence.own(id)).toEqual(own);
  });

  it('passes with time, by the millisecond', async () => {
    const { born, presence, clock } = makeWorld();
    const { id } = await born('a', null);
    await presence.write(id, says(rich, 'online'));
    const modes: Mode[] = [];
    for (const ms of [299_999, 1, 1_499_999, 1]) {
      clock.advance(ms);
      modes.push((await presence.own(id)).mode);
    }
    expect(modes).toEqual(['online', 'idle', 'idle', 'offline']);
  });

  it('counts one version each, however many write at once (semantics §10)', async () => {
    const { born, presence, store } = makeWorld();
    const { id } = await born('a', 'b');
    const writers = Array.from({ length: 64 }, (_, index) => Object.values(dialects)[index % 4]!);
    await Promise.all(writers.map((dialect) => presence.write(id, says(dialect, 'idle'))));
    expect((await store.get(id))?.version).toBe(64);
  });

  it('is applied anew to what another node wrote first', async () => {
    const store = new ContestedStore();
    const { born, presence } = makeWorld({ store });
    const { id } = await born('a', null);
    store.others = 15;
    // The other nodes said dnd on the poor network, so the rich word lifts it and the version counts theirs.
    expect((await presence.write(id, says(rich, 'online'))).mode).toBe('online');
    expect((await store.get(id))?.version).toBe(16);
  });

  it('is given up as overloaded when others always come first, and the next write goes on', async () => {
    const store = new ContestedStore();
    const { born, presence } = makeWorld({ store });
    const { id } = await born('a', null);
    store.others = 16;
    await expect(presence.write(id, says(rich, 'online'))).rejects.toMatchObject({ code: 'overloaded' });
    expect((await presence.write(id, says(rich, 'idle'))).mode).toBe('idle');
  });

  it('obeys the rules it is given', async () => {
    const timing = { idleAfter: 10, claimTtl: Infinity, busyTtl: Infinity };
    const { born, presence, clock } = makeWorld({ rules: { ...RULES, timing, sticky: false } });
    const { id } = await born('a', null);
    await presence.write(id, says(rich, 'dnd'));
    expect((await presence.write(id, says(poor, 'online'))).mode).toBe('online');
    clock.advance(10);
    expect((await presence.own(id)).mode).toBe('idle');
  });
});

describe('what others are shown', () => {
  it('is what she shows, not what she sees', async () => {
    const { born, presence } = makeWorld();
    const [her, reader] = [await born('a', null), await born('b', null)];
    expect(await presence.shown(reader.id, her)).toEqual(NOTHING_SHOWN);
    await presence.write(her.id, says(rich, 'dnd'));
    expect(await presence.shown(reader.id, her)).toEqual(await presence.own(her.id));
    await presence.write(her.id, says(rich, 'invisible'));
    expect((await presence.shown(reader.id, her))?.mode).toBe('offline');
  });

  it.each<[Visibility, boolean, boolean]>([
    ['everyone', true, true],
    ['contacts', false, true],
    ['nobody', false, false],
  ])('with visibility %s: to strangers %s, to her contacts %s', async (visibility, strangers, listed) => {
    const { born, presence, contacts } = makeWorld();
    const her = await born('a', null, { visibility });
    const [stranger, contact] = [await born('b', null), await born('c', null)];
    await presence.write(her.id, says(rich, 'dnd'));
    await contacts.change(her.id, [onLoud('c')], []);
    // Whom a reader lists is her own affair.
    await contacts.change(stranger.id, [onLoud('a')], []);
    expect((await presence.shown(stranger.id, her)) !== null).toBe(strangers);
    expect((await presence.shown(contact.id, her)) !== null).toBe(listed);
  });
});

describe('the system clock', () => {
  it('tells ms since 1970', () => {
    vi.useFakeTimers({ now: 1234 });
    expect(systemClock.now()).toBe(1234);
    vi.useRealTimers();
  });
});

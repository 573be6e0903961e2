import { describe, expect, it } from 'vitest';
import type { Feed, PresenceRecord } from '../../src/presence/record.ts';
import { BLANK } from '../../src/presence/record.ts';
import { NOTHING_SHOWN, project } from '../../src/presence/shown.ts';
import { explain, reveal } from '../../src/presence/why.ts';
import { OPERATOR } from '../../src/presence/audit.ts';
import { RULES } from '../helpers/bridge.ts';
import { MINUTE, ORIGIN, play, SECOND } from './devices.ts';
import { rich, says } from './dialects.ts';
import { makeWorld, onLoud } from './world.ts';

const { timing } = RULES;
const feed = (mode: Feed['mode'], endsAt: number): Feed => {
  return { origin: ORIGIN, mode, status: { text: 'there', emoji: null }, endsAt, written: null };
};
const whatComes = (record: PresenceRecord, now: number) =>
  explain(record, now, timing).grounds?.deadlines.map(({ at, what }) => `${at / MINUTE} ${what}`);

describe('the grounds', () => {
  it('of nobody are nothing', () => {
    expect(explain(BLANK, 5, timing)).toEqual({
      now: 5,
      shown: NOTHING_SHOWN,
      grounds: { rule: 'nothing', claim: null, sessions: [], feeds: [], deadlines: [] },
    });
  });

  it('name what decides, as semantics §5 has it', () => {
    const record = play([
      { at: 0, she: 'online' },
      { at: 1, device: 'd', says: 'online', for: 2 * MINUTE },
    ]);
    const rule = (of: PresenceRecord, now: number) => {
      const { shown, grounds } = explain(of, now, timing);
      return `${shown.mode} ${grounds?.rule}`;
    };
    expect(rule(record, 2)).toBe('online best');
    expect(rule(record, 31 * MINUTE)).toBe('offline nothing');
    expect(rule(play([{ at: 0, she: 'dnd' }]), 1)).toBe('dnd said');
    expect(rule(play([{ at: 0, she: 'idle' }]), 1)).toBe('idle said');
    expect(rule(play([{ at: 0, device: 'd', says: 'dnd' }]), 1)).toBe('dnd connected');
    expect(rule({ ...BLANK, feeds: [feed('dnd', 9)] }, 1)).toBe('dnd connected');
  });

  it('say until when each holds, and what time will change', () => {
    const record = play([
      { at: 0, she: 'online', text: 'now' },
      { at: MINUTE, device: 'd', says: 'chat', for: 2 * MINUTE },
    ]);
    const { grounds } = explain(record, 2 * MINUTE, timing);
    expect(grounds).toMatchObject({
      claim: { mode: 'online', origin: 'bridge', at: 0, endsAt: 30 * MINUTE, holds: true },
      sessions: [{ origin: ORIGIN, mode: 'chat', lastActivity: MINUTE, endsAt: 3 * MINUTE }],
    });
    expect(JSON.stringify(grounds)).not.toContain('"id"');
    expect(whatComes(record, 2 * MINUTE)).toEqual([
      '3 session ends',
      '6 session idles',
      '6 claim idles',
      '30 claim ends',
    ]);
    expect(whatComes(record, 29 * MINUTE)).toEqual(['30 claim ends']);
    const never = { ...timing, claimTtl: Infinity, idleAfter: Infinity };
    const forGood = explain(play([{ at: 0, she: 'online' }]), 1, never).grounds;
    expect([forGood?.claim?.endsAt, forGood?.deadlines]).toEqual([null, []]);
    expect(whatComes({ ...BLANK, feeds: [feed('online', MINUTE)] }, 0)).toEqual(['1 feed ends']);
    const passing = { text: 't', emoji: null, origin: ORIGIN, expiresAt: MINUTE };
    expect(whatComes({ ...BLANK, status: passing }, 0)).toEqual(['1 status ends']);
    const { claim } = explain(play([{ at: 0, she: 'dnd' }]), 31 * MINUTE, timing).grounds!;
    expect(claim?.holds).toBe(false);
  });

  it.each(['offline', 'invisible'] as const)('of who left by her own word (%s) are hers alone', (mode) => {
    const record = play([
      { at: 0, she: 'dnd', text: 'focus' },
      { at: 0, device: 'd', says: 'online' },
      { at: SECOND, she: mode },
    ]);
    for (const each of [record, { ...record, feeds: [feed('invisible', MINUTE)] }]) {
      expect(explain(each, 2 * SECOND, timing)).toEqual({
        now: 2 * SECOND,
        shown: project(record, 2 * SECOND, timing).shown,
        grounds: null,
      });
    }
    expect(reveal(record, 2 * SECOND, timing).grounds.deadlines.map(({ what }) => what)).toEqual([
      'session idles',
      'session ends',
    ]);
    const unveiled = { ...record, veil: null };
    expect(explain(unveiled, 2 * SECOND, timing).grounds === null).toBe(mode === 'invisible');
  });

  it('do not tell that she is invisible at a server', () => {
    const visible = play([{ at: 0, she: 'online' }]);
    const [hidden, away] = [feed('invisible', MINUTE), feed('offline', MINUTE)].map((each) =>
      explain({ ...visible, feeds: [each] }, 1, timing),
    );
    expect(hidden).toEqual(away);
    expect(hidden?.grounds?.feeds).toEqual([]);
    expect(reveal({ ...visible, feeds: [feed('invisible', MINUTE)] }, 1, timing).grounds.feeds).toEqual([
      { origin: ORIGIN, mode: 'invisible', endsAt: MINUTE },
    ]);
  });
});

describe('seeing more', () => {
  it('is kept before it is answered', async () => {
    const world = makeWorld();
    const { id } = await world.born('a', null);
    await world.presence.write(id, says(rich, 'dnd'));
    await world.presence.write(id, says(rich, 'invisible'));
    const more = await world.presence.reveal(id, OPERATOR, 'she asked me to');
    expect(more).toMatchObject({
      own: { mode: 'invisible' },
      grounds: { rule: 'said' },
      veil: { sealed: true },
    });
    expect(await world.store.audit.page(null, 10)).toMatchObject([
      {
        at: world.clock.now(),
        actor: OPERATOR,
        action: 'reveal',
        subjects: [id],
        details: { reason: 'she asked me to' },
      },
    ]);
    world.store.commit = () => Promise.reject(new Error('disk full'));
    await expect(world.presence.reveal(id, OPERATOR, 'she asked me to')).rejects.toThrow('disk full');
    expect((await world.presence.explain(id)).grounds).toBeNull();
    expect(await world.people.find(onLoud('a'))).not.toBeNull();
  });
});

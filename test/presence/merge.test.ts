import { describe, expect, it } from 'vitest';
import { mergeRecords } from '../../src/presence/merge.ts';
import type { PresenceRecord } from '../../src/presence/record.ts';
import { BLANK } from '../../src/presence/record.ts';
import { RULES } from '../helpers/bridge.ts';
import { START } from '../helpers/clock.ts';
import { reduce } from '../../src/presence/reduce.ts';
import { project } from '../../src/presence/shown.ts';
import { claimed, LOUD, poor, QUIET, rich, says } from './dialects.ts';

const text = (text: string) => ({ kind: 'set', text, emoji: null }) as const;

function shown(record: PresenceRecord) {
  return project(record, START + 100, RULES.timing).shown;
}

/** One merge in both orders: it must not matter which of the two survives. */
function merged(a: PresenceRecord, b: PresenceRecord): PresenceRecord {
  const one = mergeRecords(a, b, START, RULES.timing);
  expect(mergeRecords(b, a, START, RULES.timing)).toEqual(one);
  return one;
}

describe('two records made one (semantics §1)', () => {
  it('have the newest explicit write', () => {
    const old = reduce(BLANK, says(rich, 'dnd', text('old')), START, RULES);
    const fresh = reduce(BLANK, says(poor, 'idle', text('new')), START + 1, RULES);
    expect(merged(old, fresh)).toMatchObject({
      claim: { mode: 'idle', origin: QUIET, at: START + 1 },
      status: { text: 'new' },
      lastActivity: START + 1,
    });
  });

  it('have the only write there is', () => {
    const record = reduce(BLANK, says(rich, 'dnd', text('a')), START, RULES);
    expect(merged(BLANK, record)).toEqual({ ...record, version: 2 });
  });

  it('have a version above both', () => {
    expect(merged(claimed('idle', LOUD, { version: 3 }), claimed('idle', LOUD, { version: 8 })).version).toBe(
      9,
    );
  });

  it('have the later activity, whoever’s it is', () => {
    const active = claimed('idle', LOUD, { lastActivity: START + 50 });
    const newer = reduce(BLANK, says(poor, 'online'), START + 10, RULES);
    expect(merged(active, newer)).toMatchObject({ claim: { mode: 'online' }, lastActivity: START + 50 });
  });

  it('keep a text that the newest write does not replace', () => {
    const talkative = reduce(BLANK, says(rich, 'dnd', text('a')), START, RULES);
    const silent = reduce(BLANK, says(poor, 'online'), START + 1, RULES);
    expect(merged(talkative, silent)).toMatchObject({ claim: { mode: 'online' }, status: { text: 'a' } });
  });

  it.each(['offline', 'invisible'] as const)('show nothing that was written while %s', (mode) => {
    const away = reduce(claimed('online', LOUD), says(rich, mode), START + 1, RULES);
    const busyInside = reduce(away, says(rich, mode, text('unseen')), START + 90, RULES);
    const present = reduce(BLANK, says(poor, 'online'), START + 50, RULES);
    expect(shown(merged(busyInside, present))).toEqual({
      mode: 'online',
      status: null,
      lastActivity: START + 50,
    });
  });

  it('show nothing new when the newest write is to hide', () => {
    const hidden = reduce(claimed('online', LOUD), says(rich, 'invisible'), START + 60, RULES);
    const present = reduce(BLANK, says(poor, 'online', text('a')), START + 50, RULES);
    expect(shown(merged(hidden, present))).toEqual(shown(hidden));
  });
});

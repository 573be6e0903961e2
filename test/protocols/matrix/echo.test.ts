import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dialect } from '../../../src/presence/dialect.ts';
import type { NetworkName } from '../../../src/presence/identity.ts';
import type { PresenceRecord } from '../../../src/presence/record.ts';
import { BLANK, MODES } from '../../../src/presence/record.ts';
import type { ExplicitWrite, StatusEdit } from '../../../src/presence/reduce.ts';
import { reduce } from '../../../src/presence/reduce.ts';
import type { Own } from '../../../src/presence/shown.ts';
import { project } from '../../../src/presence/shown.ts';
import { decodePresence, encodePresence } from '../../../src/protocols/matrix/codec.ts';
import { MODERN, MODERN_WITH_BUSY, V1 } from '../../../src/protocols/matrix/dialect.ts';
import { RULES } from '../../helpers/bridge.ts';
import { START } from '../../helpers/clock.ts';

const other: Dialect = {
  origin: 'other' as NetworkName,
  words: { online: 'on', chat: 'on', idle: 'idle', dnd: 'dnd', offline: 'off', invisible: 'hidden' },
  see: (status) => ({ text: status?.text ?? null, emoji: status?.emoji ?? null }),
};
const ownDialect = fc.constantFrom(V1, MODERN, MODERN_WITH_BUSY);

/** Short texts of any Unicode, and long ones, which shown with an emoji exceed what may be written. */
const text = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  fc.integer({ min: 2040, max: 2048 }).map((length) => '💻'.repeat(length)),
);
const emoji = fc.constantFrom('💻', ':computer:', ':no_such_thing:', '👩🏽‍💻');
const edit: fc.Arbitrary<StatusEdit> = fc.oneof(
  fc.constantFrom<StatusEdit>({ kind: 'keep' }, { kind: 'clear' }, { kind: 'clear-own' }),
  fc.record({ kind: fc.constant('set' as const), text, emoji: fc.option(emoji) }),
  fc.record({ kind: fc.constant('set' as const), emoji }),
  fc.record({
    kind: fc.constant('set' as const),
    text,
    emoji: fc.option(emoji),
    expiresAt: fc.integer({ min: START, max: START + 4_000_000 }),
  }),
);
const write: fc.Arbitrary<ExplicitWrite> = fc.record({
  dialect: fc.oneof(ownDialect, fc.constant(other)),
  mode: fc.constantFrom(...MODES),
  status: edit,
});
const history = fc.array(fc.record({ write, pause: fc.nat(2_000_000) }), { maxLength: 6 });

function play(steps: { write: ExplicitWrite; pause: number }[]): { record: PresenceRecord; now: number } {
  let [record, now] = [BLANK, START];
  for (const { write, pause } of steps) {
    record = reduce(record, write, now, RULES);
    now += pause;
  }
  return { record, now };
}

/** What a client sends back that read this and changes nothing; no client can send a null. */
function echo(own: Own, dialect: typeof V1, now: number): unknown {
  const { status_msg, ...rest } = encodePresence(own, dialect, now);
  return JSON.parse(JSON.stringify(status_msg === null ? rest : { ...rest, status_msg }));
}

describe('round trips', () => {
  it('an echo changes nothing but the last activity (semantics §4.1)', () => {
    const stays = (record: PresenceRecord, now: number) => {
      const { own, shown } = project(record, now, RULES.timing);
      return {
        own: { mode: own.mode, status: own.status },
        shown: { mode: shown.mode, status: shown.status },
      };
    };
    fc.assert(
      fc.property(history, ownDialect, (steps, dialect) => {
        const { record, now } = play(steps);
        const { own } = project(record, now, RULES.timing);
        const echoed = reduce(record, decodePresence(echo(own, dialect, now), dialect), now, RULES);
        expect(stays(echoed, now)).toEqual(stays(record, now));
        expect(echoed.lastActivity).toBe(now);
      }),
      { numRuns: 2000 },
    );
  });

  it('an echo of what no timer has touched leaves even the claim', () => {
    fc.assert(
      fc.property(history, ownDialect, (steps, dialect) => {
        const { record, now } = play(steps.map((step) => ({ ...step, pause: 1 })));
        fc.pre(record.claim !== null);
        const { own } = project(record, now, RULES.timing);
        const echoed = reduce(record, decodePresence(echo(own, dialect, now), dialect), now, RULES);
        expect(echoed.claim).toEqual({ ...record.claim, activeAt: now });
      }),
    );
  });

  it('an accepted text is kept and shown verbatim', () => {
    fc.assert(
      fc.property(text, ownDialect, (status_msg, dialect) => {
        const body: unknown = JSON.parse(JSON.stringify({ presence: 'online', status_msg }));
        const record = reduce(BLANK, decodePresence(body, dialect), START, RULES);
        expect(record.status?.text).toBe(status_msg);
        const { shown } = project(record, START, RULES.timing);
        expect(encodePresence(shown, dialect, START).status_msg).toBe(status_msg);
      }),
    );
  });

  it('every word of a dialect comes back as it was said', () => {
    fc.assert(
      fc.property(ownDialect, fc.constantFrom(...MODES), (dialect, mode) => {
        const word = dialect.words[mode];
        const record = reduce(BLANK, decodePresence({ presence: word }, dialect), START, RULES);
        const { own, shown } = project(record, START, RULES.timing);
        expect(encodePresence(own, dialect, START).presence).toBe(word);
        expect(encodePresence(shown, dialect, START).presence).toBe(word);
      }),
    );
  });
});

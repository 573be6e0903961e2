import fc from 'fast-check';
import type { Dialect } from '../../src/presence/dialect.ts';
import { modeOf } from '../../src/presence/dialect.ts';
import type { Mode, PresenceRecord } from '../../src/presence/record.ts';
import { BLANK, MODES } from '../../src/presence/record.ts';
import type { ExplicitWrite, Rules, StatusEdit } from '../../src/presence/reduce.ts';
import { reduce } from '../../src/presence/reduce.ts';
import { RULES } from '../helpers/bridge.ts';
import { START } from '../helpers/clock.ts';
import { dialects, says } from './dialects.ts';

/** A write, some ms after the one before. */
export interface Step {
  readonly wait: number;
  readonly write: ExplicitWrite;
}

export type Reducer = typeof reduce;

/** Waits that like to fall on a timer's millisecond or beside it. */
export const wait = fc.oneof(
  fc.integer({ min: 0, max: 3_600_000 }),
  fc.constantFrom(0, 1, 299_999, 300_000, 300_001, 1_799_999, 1_800_000, 1_800_001),
);

const text = fc.constantFrom('a', 'b', 'a text of more than twelve', 'x a');
const emoji = fc.constantFrom(null, 'x', 'y');
const expiresAt = fc.constantFrom(null, START + 300_000, START + 3_600_000);

export const statusEdit: fc.Arbitrary<StatusEdit> = fc.oneof(
  fc.constantFrom<StatusEdit>({ kind: 'keep' }, { kind: 'clear' }, { kind: 'clear-own' }),
  fc.record(
    { kind: fc.constant('set' as const), text, emoji, expiresAt },
    { requiredKeys: ['kind', 'emoji'] },
  ),
);

export const dialect = fc.constantFrom(...Object.values(dialects));

/** A step in one of these dialects, which says only what its words can say. */
export function stepIn(dialect: fc.Arbitrary<Dialect>): fc.Arbitrary<Step> {
  return fc
    .record({ wait, dialect, meant: fc.constantFrom(...MODES), status: statusEdit })
    .map(({ wait, dialect, meant, status }) => ({
      wait,
      write: says(dialect, said(dialect, meant), status),
    }));
}

/** The mode that a dialect's word for `mode` stands for. */
export function said(dialect: Dialect, mode: Mode): Mode {
  return modeOf(dialect, dialect.words[mode]) ?? mode;
}

export const step = stepIn(dialect);

export const history = fc.array(step, { maxLength: 12 });

export interface Moment {
  readonly record: PresenceRecord;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export const BEGINNING: Moment = { record: BLANK, now: START };

/** What becomes of a record by these steps, moment by moment. */
export function live(
  from: Moment,
  steps: readonly Step[],
  rules: Rules = RULES,
  reducer: Reducer = reduce,
): Moment[] {
  const moments = [from];
  let { record, now } = from;
  for (const { wait, write } of steps) {
    now += wait;
    record = reducer(record, write, now, rules);
    moments.push({ record, now });
  }
  return moments;
}

/** The last moment of such a life. */
export function outcome(...life: Parameters<typeof live>): Moment {
  return live(...life).at(-1) ?? life[0];
}

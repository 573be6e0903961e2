import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextChange } from '../../src/presence/expiry.ts';
import type { NetworkName } from '../../src/presence/identity.ts';
import type { Mode, PresenceRecord, Session } from '../../src/presence/record.ts';
import { BLANK, MODES } from '../../src/presence/record.ts';
import type { StatusEdit } from '../../src/presence/reduce.ts';
import { reduce, reduceSignal } from '../../src/presence/reduce.ts';
import { project } from '../../src/presence/shown.ts';
import type { Signal } from '../../src/presence/signal.ts';
import { bridgeDialect } from '../../src/surfaces/bridge/dialect.ts';
import { RULES } from '../helpers/bridge.ts';
import { START } from '../helpers/clock.ts';

const { timing } = RULES;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Something that happened at `at`, ms since 1970: she said a mode, or a device gave a signal. */
type Happening = { readonly at: number } & (Signal | { readonly kind: 'write'; readonly mode: Mode });
type Device = Pick<Signal, 'id' | 'origin'>;

/* The model: a plain list of what happened, read anew for every question. */

/** Semantics §5, clause by clause. `claim` is that of the list; it is asked for only once. */
function modelMode(happened: readonly Happening[], now: number, claim = modelClaim(happened)): Mode {
  const sessions = modelSessions(happened, now);
  const older = (at: number, age: number) => now - at >= age;
  const said = happened.findLast(({ kind }) => kind === 'write')?.at ?? -Infinity;
  if (claim === 'invisible' || claim === 'offline') return claim;
  if (sessions.length === 0 && (claim === null || older(said, 30 * MINUTE))) return 'offline';
  if (claim === 'dnd' || sessions.some(({ mode }) => mode === 'dnd')) return 'dnd';
  if (claim === 'idle') return 'idle';
  const active = happened.filter((each, i) => isActivity(each, happened.slice(0, i)));
  const bids = sessions
    .filter(({ lastActivity }) => !older(lastActivity, 5 * MINUTE))
    .map(({ mode }) => mode);
  if (claim !== null && !older(active.at(-1)?.at ?? -Infinity, 5 * MINUTE)) bids.push(claim);
  if (bids.includes('chat')) return 'chat';
  return bids.includes('online') ? 'online' : 'idle';
}

/** What she last said, unless it only repeated what she saw of an older word (§4.1) or an opening ended it (§5). */
function modelClaim(happened: readonly Happening[]): Mode | null {
  const last = happened.at(-1);
  if (!last) return null;
  const before = happened.slice(0, -1);
  const claim = modelClaim(before);
  if (last.kind !== 'write') return claim === 'offline' && opens(last, before) ? null : claim;
  const word = (mode: Mode | null) => (mode === 'chat' ? 'online' : mode);
  const seen = modelMode(before, last.at, claim);
  return word(claim) === word(last.mode) && word(seen) === word(last.mode) ? claim : last.mode;
}

function modelSessions(happened: readonly Happening[], now: number): Session[] {
  const devices = new Map<string, Device>();
  for (const each of happened) if (each.kind !== 'write') devices.set(keyOf(each), each);
  return [...devices.values()].flatMap((device) => {
    const lease = modelLease(happened, device);
    const active = happened.findLast(
      (each, i) =>
        each.kind !== 'write' && keyOf(each) === keyOf(device) && isActivity(each, happened.slice(0, i)),
    );
    return lease && active && lease.endsAt > now ? [{ ...device, ...lease, lastActivity: active.at }] : [];
  });
}

/** The last word of one device and its end, cut short by whatever was heard of it since. */
function modelLease(happened: readonly Happening[], device: Device): Pick<Session, 'mode' | 'endsAt'> | null {
  const its = happened.filter((each) => each.kind !== 'write' && keyOf(each) === keyOf(device));
  const last = its.findLastIndex(({ kind }) => kind === 'session');
  const word = its[last];
  if (word?.kind !== 'session') return null;
  let { endsAt } = word;
  for (const each of its.slice(last + 1)) {
    if (each.kind === 'session-end' && each.at < endsAt) endsAt = Math.min(endsAt, each.endsAt);
  }
  return { mode: word.mode, endsAt };
}

function isActivity(it: Happening, before: readonly Happening[]): boolean {
  return it.kind === 'write' || (it.kind === 'session' && (it.active || opens(it, before)));
}

function opens(it: Happening, before: readonly Happening[]): boolean {
  return it.kind === 'session' && (modelLease(before, it)?.endsAt ?? -Infinity) <= it.at;
}

function keyOf({ id, origin }: Device): string {
  return `${origin} ${id}`;
}

/** Every instant after `now` at which time alone could change anything, and then some. */
function modelInstants(happened: readonly Happening[], now: number): number[] {
  const all = happened.flatMap((each) => [
    each.at + 5 * MINUTE,
    each.at + 30 * MINUTE,
    ...('endsAt' in each ? [each.endsAt] : []),
  ]);
  return [...new Set(all)].filter((at) => at > now).sort((a, b) => a - b);
}

/* Random histories: what happens to somebody, and how long after what happened before. */

const span = fc.oneof(
  fc.integer({ min: 1, max: 40 * MINUTE }),
  fc.constantFrom(5 * MINUTE, 30 * MINUTE).chain((at) => fc.constantFrom(at - 1, at, at + 1)),
  fc.integer({ min: 1, max: 40 * SECOND }),
);
const wait = fc.oneof(span, fc.constant(0));
const device = {
  id: fc.constantFrom('a', 'b', 'c', 'd'),
  origin: fc.constantFrom('left' as NetworkName, 'right' as NetworkName),
};
const deed = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('write' as const), mode: fc.constantFrom(...MODES) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('session' as const),
      ...device,
      mode: fc.constantFrom('chat' as const, 'online' as const, 'idle' as const, 'dnd' as const),
      active: fc.boolean(),
      lasts: span,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('session-end' as const), ...device, lasts: wait }),
  },
);
const history = fc
  .array(fc.record({ wait, deed }), { minLength: 1, maxLength: 14 })
  .map((steps): Happening[] => {
    let at = START;
    return steps.map(({ wait, deed }) => {
      at += wait;
      return deed.kind === 'write' ? { ...deed, at } : { ...deed, at, endsAt: at + deed.lasts };
    });
  });

interface Moment {
  readonly happened: readonly Happening[];
  readonly it: Happening;
  readonly before: PresenceRecord;
  readonly record: PresenceRecord;
}

/** The record after each happening. Every write gives a status too, so that there is one to lose. */
function live(history: readonly Happening[]): Moment[] {
  let record = BLANK;
  return history.map((it, i) => {
    const before = record;
    const status: StatusEdit = { kind: 'set', text: `text ${i}`, emoji: null };
    record =
      it.kind === 'write'
        ? reduce(before, { dialect: bridgeDialect, mode: it.mode, status }, it.at, RULES)
        : reduceSignal(before, it, it.at, RULES);
    return { happened: history.slice(0, i + 1), it, before, record };
  });
}

const modeOf = (record: PresenceRecord, now: number) => project(record, now, timing).own.mode;

function check(property: (moment: Moment) => void): void {
  fc.assert(
    fc.property(history, (all) => live(all).forEach(property)),
    { numRuns: 1000 },
  );
}

describe('after any history of writes, signals and waits (semantics §5)', () => {
  it('she is at every instant what the naive model says', () => {
    check(({ happened, it, record }) => {
      const claim = modelClaim(happened);
      const instants = modelInstants(happened, it.at).flatMap((at) => [at - 1, at]);
      for (const now of [it.at, ...instants]) {
        expect(modeOf(record, now), `${now - START} ms`).toBe(modelMode(happened, now, claim));
      }
    });
  });

  it('nextChange names every instant at which the mode changes, and settledAt the last of them', () => {
    check(({ happened, it, record }) => {
      const named: number[] = [];
      for (let at = nextChange(record, it.at, timing); at !== null; at = nextChange(record, at, timing)) {
        named.push(at);
      }
      const claim = modelClaim(happened);
      const changes = modelInstants(happened, it.at).filter(
        (at) => modelMode(happened, at - 1, claim) !== modelMode(happened, at, claim),
      );
      expect(named).toEqual(expect.arrayContaining(changes));
      // A signal that says nothing new leaves the record, and with it an instant that may have passed.
      const settled = record.settledAt !== null && record.settledAt > it.at ? record.settledAt : null;
      expect(settled).toBe(named.at(-1) ?? null);
    });
  });

  it('losing one of several sessions never makes her offline', () => {
    check(({ happened, it, before, record }) => {
      const othersLive = (at: number) => modelSessions(happened, at).length > 0;
      if (it.kind !== 'write' && othersLive(it.at) && modeOf(before, it.at) !== 'offline') {
        expect(modeOf(record, it.at)).not.toBe('offline');
      }
      for (const at of modelInstants(happened, it.at)) {
        if (othersLive(at) && modeOf(record, at - 1) !== 'offline')
          expect(modeOf(record, at)).not.toBe('offline');
      }
    });
  });

  it('a signal changes no claim, status, dnd or invisible, save that an opening ends an offline claim', () => {
    check(({ happened, it, before, record }) => {
      if (it.kind === 'write') return;
      const returns = before.claim?.mode === 'offline' && opens(it, happened.slice(0, -1));
      expect(record.claim).toEqual(returns ? null : before.claim);
      expect(record.status).toEqual(before.status);
      const then = project(before, it.at, timing);
      const now = project(record, it.at, timing);
      expect(now.own.status).toEqual(then.own.status);
      if (before.claim?.mode === 'dnd' && it.kind === 'session') expect(now.own.mode).toBe('dnd');
      if (before.claim?.mode !== 'invisible') return;
      expect(now.own.mode).toBe('invisible');
      expect(now.shown).toEqual(then.shown);
    });
  });
});

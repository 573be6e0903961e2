import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modeAt, nextChange } from '../../src/presence/expiry.ts';
import type { Report } from '../../src/presence/feed.ts';
import { besides, feedOf, reduceReport, reduceWritten } from '../../src/presence/feed.ts';
import type { Mode, PresenceRecord } from '../../src/presence/record.ts';
import { BLANK, BRIDGE, MODES } from '../../src/presence/record.ts';
import { reduce, reduceSignal } from '../../src/presence/reduce.ts';
import { project } from '../../src/presence/shown.ts';
import { RULES } from '../helpers/bridge.ts';
import { START } from '../helpers/clock.ts';
import { LOUD, poor, QUIET, rich, says } from './dialects.ts';

const LEASE = START + 3_600_000;

function report(mode: Mode, more: Partial<Report> = {}): Report {
  return { network: LOUD, dialect: rich, mode, own: false, activeAt: START, endsAt: LEASE, ...more };
}

/** The record after one report after another, a millisecond apart. */
function told(reports: readonly Report[], record: PresenceRecord = BLANK): PresenceRecord {
  return reports.reduce((before, each, index) => reduceReport(before, each, START + index, RULES), record);
}

function shownAt(record: PresenceRecord, now = START + 100) {
  return project(record, now, RULES.timing).shown;
}

const text = (text: string | null, emoji: string | null = null) => ({ text, emoji });

describe('what a server says of its user', () => {
  it.each(MODES)('is believed: %s', (mode) => {
    const record = told([report(mode)]);
    expect(shownAt(record).mode).toBe(mode === 'invisible' ? 'offline' : mode);
    expect(project(record, START, RULES.timing).own.mode).toBe(mode);
  });

  it('does not age, since the server has timers of its own', () => {
    expect(modeAt(told([report('online')]), LEASE - 1, RULES.timing)).toBe('online');
  });

  it('is believed as long as its lease, to the millisecond', () => {
    const record = told([report('dnd')]);
    expect(modeAt(record, LEASE - 1, RULES.timing)).toBe('dnd');
    expect(modeAt(record, LEASE, RULES.timing)).toBe('offline');
    expect(record.settledAt).toBe(LEASE);
    expect(nextChange(record, LEASE - 1, RULES.timing)).toBe(LEASE);
  });

  it('ends with its word that she left', () => {
    expect(shownAt(told([report('online'), report('offline')])).mode).toBe('offline');
  });

  it.each<[feed: Mode, session: 'online' | 'idle' | 'dnd', shown: Mode]>([
    ['idle', 'online', 'online'],
    ['online', 'idle', 'online'],
    ['offline', 'idle', 'idle'],
    ['dnd', 'online', 'dnd'],
    ['online', 'dnd', 'dnd'],
  ])('is combined with sessions: %s and %s', (feed, mode, shown) => {
    const session = { kind: 'session', id: 'a', origin: QUIET, active: true, endsAt: LEASE } as const;
    const record = reduceSignal(told([report(feed)]), { ...session, mode }, START + 1, RULES);
    expect(shownAt(record).mode).toBe(shown);
  });

  it('of two servers is combined', () => {
    const other = { network: QUIET, dialect: poor };
    const record = told([report('idle'), report('online', other)]);
    expect(shownAt(record).mode).toBe('online');
    expect(shownAt(besides(record, QUIET)).mode).toBe('idle');
    expect(shownAt(besides(record, LOUD)).mode).toBe('online');
    expect(shownAt(told([report('offline', other)], record)).mode).toBe('idle');
  });

  it('is kept once for each network', () => {
    expect(told([report('idle'), report('online'), report('dnd')]).feeds).toHaveLength(1);
  });

  it('moves the activity forward only, and never beyond now', () => {
    const once = told([report('online', { activeAt: START - 5000 })]);
    expect(once.lastActivity).toBe(START - 5000);
    expect(told([report('idle', { activeAt: START - 9000 })], once).lastActivity).toBe(START - 5000);
    expect(told([report('idle', { activeAt: START + 9e9 })], once).lastActivity).toBe(START);
    expect(told([report('idle', { activeAt: null })], once).lastActivity).toBe(START - 5000);
  });

  it('said again changes nothing; with a longer lease it is renewed', () => {
    const record = told([report('online', { status: text('a') })]);
    expect(reduceReport(record, report('online', { status: text('a') }), START, RULES)).toBe(record);
    const renewed = reduceReport(record, report('online', { endsAt: LEASE + 1 }), START, RULES);
    expect(renewed).toEqual({
      ...record,
      version: 2,
      feeds: [{ ...record.feeds[0], endsAt: LEASE + 1 }],
      settledAt: LEASE + 1,
    });
  });
});

describe('her own word', () => {
  it.each<Mode>(['idle', 'dnd'])('outbids a server that says more: %s', (mode) => {
    const record = told([report('online')], reduce(BLANK, says(poor, mode), START, RULES));
    expect(shownAt(record).mode).toBe(mode);
  });

  it('offline holds while the server repeats itself, and ends when she comes into sight there', () => {
    const away = reduce(told([report('online')]), says(poor, 'offline'), START, RULES);
    expect(shownAt(told([report('idle')], away)).mode).toBe('offline');
    expect(shownAt(told([report('offline'), report('online')], away)).mode).toBe('online');
  });

  it('invisible holds whatever a server says that was not told of it', () => {
    const seen = told([report('online')]);
    const hidden = reduce(seen, says(rich, 'invisible'), START, RULES);
    const before = shownAt(hidden);
    for (const mode of MODES) {
      const later = told([report('offline'), report(mode, { status: text('x') })], hidden);
      expect(shownAt(later)).toEqual(before);
    }
  });
});

describe('leaving by the word of her own server', () => {
  const there = told([report('online')]);
  const said = (mode: Mode, by = rich, record = there) => reduce(record, says(by, mode), START + 1, RULES);
  const left = (record: PresenceRecord, more: Partial<Report> = {}, at = START + 9) =>
    reduceReport(record, report('offline', { activeAt: null, ...more }), at, RULES);

  it.each<Mode>(['online', 'chat', 'idle', 'dnd'])(
    'ends what she said there through the bridge: %s',
    (mode) => {
      const set = { kind: 'set', text: 'a', emoji: null } as const;
      const before = reduce(there, says(rich, mode, set), START + 1, RULES);
      const record = left(before);
      expect(record).toMatchObject({ claim: null, veil: null, version: before.version + 1 });
      expect(shownAt(record)).toEqual({ mode: 'offline', status: before.status, lastActivity: START + 1 });
    },
  );

  it.each<Mode>(['offline', 'invisible'])('does not end that she said %s', (mode) => {
    const before = said(mode);
    expect(left(before)).toMatchObject({ claim: before.claim, veil: before.veil });
    expect(shownAt(left(before))).toEqual(shownAt(before));
  });

  it('does not end what she said elsewhere, or by the API of the bridge', () => {
    const elsewhere = said('idle', poor);
    expect(left(elsewhere).claim).toEqual(elsewhere.claim);
    const here = said('dnd', { ...rich, origin: BRIDGE });
    expect(left(here).claim).toEqual(here.claim);
  });

  it('is more than saying less of herself there', () => {
    const before = said('dnd');
    expect(told([report('idle')], before).claim).toEqual(before.claim);
  });

  it('does not end her connections to the bridge', () => {
    const session = { kind: 'session', id: 'a', origin: LOUD, mode: 'online', active: true } as const;
    const record = reduceSignal(said('idle'), { ...session, endsAt: LEASE }, START + 2, RULES);
    expect(shownAt(left(record)).mode).toBe('online');
  });

  it('is needed: where she was not there before, a word that she is not is no news', () => {
    for (const record of [BLANK, told([report('online'), report('offline')])]) {
      const before = said('online', rich, record);
      expect(left(before).claim).toEqual(before.claim);
    }
  });

  it('is not what silence says, nor a word that comes after it', () => {
    const before = said('idle');
    const late = { ...before, claim: before.claim && { ...before.claim, activeAt: LEASE } };
    expect(modeAt(late, LEASE, RULES.timing)).toBe('idle');
    expect(left(late, { endsAt: LEASE + 1 }, LEASE).claim).toEqual(late.claim);
    expect(left(late, {}, LEASE - 1).claim).toBeNull();
  });

  it('is not the word of the bridge come back, which ends the feed only', () => {
    const before = said('online');
    const record = left(before, { echo: true });
    expect(record.claim).toEqual(before.claim);
    expect(feedOf(record, LOUD)?.mode).toBe('offline');
  });

  it('after any history leaves nothing that she said there to show her by', () => {
    const mode = fc.constantFrom(...MODES);
    const step = fc.record({ reported: fc.boolean(), mode, wait: fc.nat(400_000) });
    fc.assert(
      fc.property(
        fc.array(step),
        fc.constantFrom<Mode>('online', 'idle', 'dnd'),
        fc.array(mode),
        (steps, seen, words) => {
          let [record, now] = [BLANK, START];
          const hear = (mode: Mode) =>
            (record = reduceReport(
              record,
              report(mode, { activeAt: now, endsAt: now + 3_600_000 }),
              now,
              RULES,
            ));
          const say = (mode: Mode) => (record = reduce(record, says(rich, mode), now, RULES));
          for (const { reported, mode, wait } of steps) {
            now += wait;
            if (reported) hear(mode);
            else say(mode);
          }
          hear('offline');
          hear(seen);
          words.forEach(say);
          hear('offline');
          expect(shownAt(record, now).mode).toBe('offline');
        },
      ),
    );
  });
});

describe('invisible on a server', () => {
  const hidden = told([report('online'), report('invisible', { own: true })]);

  it('is invisible here, and looks as going offline then would', () => {
    expect(project(hidden, START + 1, RULES.timing).own.mode).toBe('invisible');
    expect(shownAt(hidden)).toEqual({ mode: 'offline', status: null, lastActivity: START + 1 });
  });

  it('is still believed when others are told offline', () => {
    const record = told([report('offline')], hidden);
    expect(project(record, START + 9, RULES.timing).own.mode).toBe('invisible');
    expect(feedOf(record, LOUD)?.mode).toBe('invisible');
  });

  it('ends when she shows herself there', () => {
    expect(shownAt(told([report('idle')], hidden)).mode).toBe('idle');
  });

  it('becomes offline by her own view, without news for others', () => {
    const record = told([report('offline', { own: true })], hidden);
    expect(project(record, START + 9, RULES.timing).own.mode).toBe('offline');
    expect(shownAt(record)).toEqual(shownAt(hidden));
    expect(shownAt(told([report('online')], record)).mode).toBe('online');
  });

  it('does not end what she set here', () => {
    const here = reduce(BLANK, says(rich, 'invisible'), START, RULES);
    const record = told([report('online')], here);
    expect(shownAt(record).mode).toBe('offline');
  });

  it('does not end what the other network set meanwhile', () => {
    const here = reduce(hidden, { ...says(rich, 'invisible') }, START + 2, RULES);
    const elsewhere: PresenceRecord = {
      ...here,
      claim: { mode: 'invisible', origin: QUIET, at: START + 2, activeAt: START + 2, expiresAt: null },
    };
    expect(shownAt(told([report('online')], elsewhere)).mode).toBe('offline');
  });
});

describe('the status on a server', () => {
  const status = (record: PresenceRecord) => shownAt(record).status;

  it('is taken when it changes there', () => {
    const record = told([report('online', { status: text('a', 'b') })]);
    expect(status(record)).toEqual({ text: 'a', emoji: 'b', origin: LOUD, expiresAt: null });
  });

  it('repeated there does not undo a newer one from elsewhere', () => {
    const first = told([report('online', { status: text('there') })]);
    const newer = reduce(
      first,
      says(poor, 'online', { kind: 'set', text: 'here', emoji: null }),
      START,
      RULES,
    );
    expect(status(told([report('idle', { status: text('there') })], newer))?.text).toBe('here');
    expect(status(told([report('idle', { status: text('new') })], newer))?.text).toBe('new');
  });

  it('not said leaves it alone', () => {
    const record = told([report('online', { status: text('a') }), report('idle')]);
    expect(status(record)?.text).toBe('a');
    expect(feedOf(record, LOUD)?.status).toEqual(text('a'));
  });

  it('cleared there clears only what came from there', () => {
    const mine = told([report('online', { status: text('a') })]);
    expect(status(told([report('online', { status: text(null) })], mine))).toBeNull();
    const newer = reduce(mine, says(poor, 'online', { kind: 'set', text: 'b', emoji: null }), START, RULES);
    expect(status(told([report('online', { status: text(null) })], newer))?.text).toBe('b');
  });

  it('that merely echoes a long one does not cut it', () => {
    const long = reduce(
      BLANK,
      says(poor, 'online', { kind: 'set', text: 'a very long text', emoji: null }),
      START,
      RULES,
    );
    const seen = rich.see(long.status);
    expect(status(told([report('online', { status: seen })], long))?.text).toBe('a very long text');
  });

  it('is seen while she is offline, and not while she is invisible', () => {
    const away = reduce(BLANK, says(poor, 'offline'), START, RULES);
    expect(status(told([report('offline', { status: text('a') })], away))?.text).toBe('a');
    const hidden = reduce(BLANK, says(poor, 'invisible'), START, RULES);
    expect(status(told([report('offline', { status: text('a') })], hidden))).toBeNull();
  });
});

describe('what the bridge wrote there itself', () => {
  it('is kept through reports until it is forgotten, and is no word of the server', () => {
    const written = { mode: 'idle', at: START } as const;
    const record = reduceWritten(BLANK, LOUD, written);
    expect(shownAt(record).mode).toBe('offline');
    expect(feedOf(told([report('online')], record), LOUD)?.written).toEqual(written);
    expect(feedOf(reduceWritten(record, LOUD, null), LOUD)?.written).toBeNull();
    expect(record.version).toBe(1);
  });
});

it('any history of reports leaves versions growing by one and equals its last word', () => {
  const step = fc.record({
    mode: fc.constantFrom<Mode>('online', 'idle', 'dnd', 'offline'),
    own: fc.boolean(),
    activeAt: fc.option(fc.integer({ min: START - 1e6, max: START + 1e6 })),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
      let record = BLANK;
      for (const [index, each] of steps.entries()) {
        const next = reduceReport(record, report(each.mode, each), START + index, RULES);
        expect(next.version - record.version).toBe(next === record ? 0 : 1);
        record = next;
      }
      expect(shownAt(record).mode).toBe(steps.at(-1)?.mode);
    }),
  );
});

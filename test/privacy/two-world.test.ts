import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PresenceRecord } from '../../src/presence/record.ts';
import { bendStore } from '../helpers/bent-store.ts';
import type { Act, Histories, Sabotage, Step } from '../helpers/two-worlds.ts';
import { playWorld } from '../helpers/two-worlds.ts';

/** `TWO_WORLD_RUNS=5000 npm test` for a long run. */
const RUNS = Number(process.env['TWO_WORLD_RUNS'] ?? 60);

const text = fc.constantFrom('lunch', 'in a meeting', '💻 Working', '');
const says = fc.record(
  { custom_status: text, custom_emoji: fc.constantFrom('🔥', ':computer:', '') },
  { requiredKeys: [] },
);
const statusMsg = fc.record({ status_msg: text }, { requiredKeys: [] });
const anyone = fc.constantFrom<Act['who']>('una', 'pat', 'max', 'liz');
const others = fc.constantFrom<Act['who']>('pat', 'max', 'liz');

function plexichatWrite(who: fc.Arbitrary<Act['who']>, status: readonly string[]): fc.Arbitrary<Act> {
  return fc.record({ who, status: fc.constantFrom(...status), said: says }).map(({ who, status, said }) => {
    return { who, network: 'plexichat', method: 'PUT', path: '/presence', body: { status, ...said } };
  });
}

function matrixWrite(who: fc.Arbitrary<Act['who']>, presence: readonly string[]): fc.Arbitrary<Act> {
  return fc
    .record({
      who,
      path: fc.constantFrom('/api/v1', '/r0', '/v3', '/unstable'),
      presence: fc.constantFrom(...presence),
      said: statusMsg,
    })
    .map(({ who, path, presence, said }) => {
      return { who, network: 'matrix', method: 'PUT', path, body: { presence, ...said } };
    });
}

function modeWrite(who: fc.Arbitrary<Act['who']>, mode: readonly string[]): fc.Arbitrary<Act> {
  const said = fc.record({ text, emoji: fc.constantFrom('🔥', '') }, { requiredKeys: [] });
  const expiry = fc.option(fc.integer({ min: 1, max: 3600 }), { nil: undefined });
  return fc
    .record({
      who,
      mode: fc.constantFrom(...mode),
      said,
      expiry,
      network: fc.constantFrom('plexichat', 'matrix'),
    })
    .map(({ who, mode, said, expiry, network }) => ({
      who,
      network: network,
      method: 'PUT',
      path: '/mode',
      body: { mode, ...said, ...(expiry !== undefined && said.text ? { expires_in: expiry } : {}) },
    }));
}

function read(who: fc.Arbitrary<Act['who']>): fc.Arbitrary<Act> {
  return fc
    .record({ who, path: fc.constantFrom('/v3', '/list', '/mode') })
    .map(({ who, path }) => ({ who, network: 'matrix', method: 'GET', path }));
}

/** What a connection says by itself; also what timers then do of it. */
function sync(who: fc.Arbitrary<Act['who']>): fc.Arbitrary<Act> {
  return fc
    .record({ who, mode: fc.constantFrom('online', 'unavailable', 'offline') })
    .map(({ who, mode }) => ({ who, network: 'matrix', method: 'GET', path: `/sync?set_presence=${mode}` }));
}

function visible(who: fc.Arbitrary<Act['who']>): fc.Arbitrary<Act> {
  return fc.oneof(
    plexichatWrite(who, ['online', 'idle', 'dnd', 'offline', 'nonsense']),
    matrixWrite(who, ['online', 'unavailable', 'offline', 'free_for_chat']),
    modeWrite(who, ['online', 'idle', 'dnd', 'offline']),
    sync(who),
  );
}

/** All that Una can do while she stays out of sight; once she said offline she says nothing that brings her back. */
const una = fc.constant<Act['who']>('una');
const unseenWhileInvisible = fc.oneof(
  plexichatWrite(una, ['invisible', 'nonsense']),
  matrixWrite(una, ['online', 'unavailable', 'offline', 'free_for_chat']),
  modeWrite(una, ['invisible']),
  read(una),
  sync(una),
);
const unseenOnceOffline = fc.oneof(
  plexichatWrite(una, ['invisible', 'offline']),
  matrixWrite(una, ['offline']),
  modeWrite(una, ['invisible', 'offline']),
);

const wait: fc.Arbitrary<Step> = fc
  .constantFrom(1, 999, 59_000, 60_000, 299_999, 300_000, 1_800_000, 3_600_000)
  .map((ms) => ({ kind: 'wait', ms }));
function step(act: fc.Arbitrary<Act>): fc.Arbitrary<Step> {
  return fc.oneof(
    wait,
    act.map((act): Step => ({ kind: 'act', act })),
  );
}

const round = (unseen: fc.Arbitrary<Act>) =>
  fc.record({
    unseen: fc.array(unseen, { maxLength: 4 }),
    seen: fc.array(step(fc.oneof(visible(others), read(others))), { maxLength: 3 }),
  });

const histories: fc.Arbitrary<Histories> = fc
  .record({
    before: fc.array(step(visible(anyone)), { maxLength: 8 }),
    by: fc.constantFrom('plexichat', 'bridge'),
    says,
    hidden: fc.array(round(unseenWhileInvisible), { minLength: 1, maxLength: 3 }),
    gone: fc.array(round(unseenOnceOffline), { maxLength: 2 }),
  })
  .map(({ before, by, says, hidden, gone }) => ({
    before,
    leave: {
      by: by,
      saying: by === 'bridge' ? { text: says.custom_status, emoji: says.custom_emoji } : says,
    },
    after: [...hidden, ...gone],
  }));

function twoWorlds(settings: object, sabotage: Sabotage) {
  return fc.asyncProperty(histories, async (history) => {
    const invisible = await playWorld('invisible', history, settings, sabotage);
    const offline = await playWorld('offline', history, settings, sabotage);
    expect(invisible).toEqual(offline);
  });
}

const honest: Sabotage = (store) => store;

/** A store whose records are bent on the way out. */
function bending(bend: (record: PresenceRecord) => PresenceRecord): Sabotage {
  return (store) =>
    bendStore(store, {
      get: async (person) => {
        const record = await store.get(person);
        return record && bend(record);
      },
    });
}

describe('invisible cannot be told from offline (semantics §6)', () => {
  it.each([
    ['by default', {}],
    ['with busy and the server dialect', { matrix: { busy: true }, plexichat: { dialect: 'server' } }],
  ])(
    '%s',
    async (_name, settings) => {
      await fc.assert(twoWorlds(settings, honest), { numRuns: RUNS });
    },
    120_000 + RUNS * 2000,
  );

  it.each<[string, (record: PresenceRecord) => PresenceRecord]>([
    ['the status said while hidden', (r) => (r.veil ? { ...r, veil: { ...r.veil, status: r.status } } : r)],
    [
      'activity while hidden',
      (r) => (r.veil?.sealed ? { ...r, veil: { ...r.veil, lastActivity: r.lastActivity } } : r),
    ],
    ['that a veil is sealed', (r) => (r.veil?.sealed ? { ...r, veil: { ...r.veil, status: null } } : r)],
  ])(
    'a build that leaks %s is caught',
    async (_name, bend) => {
      const details = await fc.check(twoWorlds({}, bending(bend)), { numRuns: 300, endOnFailure: true });
      expect(details.failed).toBe(true);
    },
    300_000,
  );
});

import fc from 'fast-check';
import type { Act } from '../helpers/two-worlds.ts';

const text = fc.constantFrom('lunch', 'in a meeting', '💻 Working', '');
export const says = fc.record(
  { custom_status: text, custom_emoji: fc.constantFrom('🔥', ':computer:', '') },
  { requiredKeys: [] },
);
const statusMsg = fc.record({ status_msg: text }, { requiredKeys: [] });
export const anyone = fc.constantFrom<Act['who']>('una', 'pat', 'max', 'liz');
export const others = fc.constantFrom<Act['who']>('pat', 'max', 'liz');

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
      ends: expiry,
      network: fc.constantFrom('plexichat', 'matrix'),
    })
    .map(({ who, mode, said, expiry, ends, network }) => ({
      who,
      network: network,
      method: 'PUT',
      path: '/mode',
      body: {
        mode,
        ...said,
        ...(expiry !== undefined && said.text ? { status_expires_in: expiry } : {}),
        // Beyond every history where it is invisible, which then ends by itself (semantics §6).
        ...(mode !== 'offline' && ends !== undefined
          ? { expires_in: mode === 'invisible' ? 10_000_000 + ends : ends }
          : {}),
      },
    }));
}

export function read(who: fc.Arbitrary<Act['who']>): fc.Arbitrary<Act> {
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

export function visible(who: fc.Arbitrary<Act['who']>): fc.Arbitrary<Act> {
  return fc.oneof(
    plexichatWrite(who, ['online', 'idle', 'dnd', 'offline', 'nonsense']),
    matrixWrite(who, ['online', 'unavailable', 'offline', 'free_for_chat']),
    modeWrite(who, ['online', 'idle', 'dnd', 'offline']),
    sync(who),
  );
}

/** All that Una can do while she stays out of sight; once she said offline she says nothing that brings her back. */
const una = fc.constant<Act['who']>('una');
export const unseenWhileInvisible = fc.oneof(
  plexichatWrite(una, ['invisible', 'nonsense']),
  matrixWrite(una, ['online', 'unavailable', 'offline', 'free_for_chat']),
  modeWrite(una, ['invisible']),
  read(una),
  sync(una),
);
export const unseenOnceOffline = fc.oneof(
  plexichatWrite(una, ['invisible', 'offline']),
  matrixWrite(una, ['offline']),
  modeWrite(una, ['invisible', 'offline']),
);

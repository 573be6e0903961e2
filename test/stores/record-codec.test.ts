import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NetworkName } from '../../src/presence/identity.ts';
import type { Origin, PresenceRecord } from '../../src/presence/record.ts';
import { BLANK, MODES } from '../../src/presence/record.ts';
import { decodeRecord, encodeRecord } from '../../src/stores/record-codec.ts';
import { decodeBody, encodeBody } from '../../src/stores/sqlite/log-body.ts';
import { FULL_RECORD, personId, recordOf } from '../contract/records.ts';

const text = fc.option(fc.string({ unit: 'binary' }));
const time = fc.maxSafeNat();
const origin = fc.constantFrom('left', 'right', 'bridge') as fc.Arbitrary<Origin>;
const status = fc.option(fc.record({ text, emoji: text, origin, expiresAt: fc.option(time) }));
const record: fc.Arbitrary<PresenceRecord> = fc.record({
  version: time,
  claim: fc.option(
    fc.record({
      mode: fc.constantFrom(...MODES),
      origin,
      at: time,
      activeAt: time,
      expiresAt: fc.option(time),
    }),
  ),
  sessions: fc.array(
    fc.record({
      id: fc.string({ unit: 'binary' }),
      origin,
      mode: fc.constantFrom('online', 'idle', 'dnd', 'chat'),
      lastActivity: time,
      endsAt: time,
    }),
    { maxLength: 3 },
  ),
  feeds: fc.array(
    fc.record({
      origin: fc.constantFrom('left', 'right') as fc.Arbitrary<NetworkName>,
      mode: fc.constantFrom(...MODES),
      status: fc.record({ text, emoji: text }),
      endsAt: time,
      written: fc.option(fc.record({ mode: fc.constantFrom('online', 'offline', 'dnd'), at: time })),
    }),
    { maxLength: 2 },
  ),
  settledAt: fc.option(time),
  status,
  lastActivity: fc.option(time),
  veil: fc.option(fc.record({ lastActivity: fc.option(time), status, sealed: fc.boolean() })),
});

test('a record survives its encoding', () => {
  fc.assert(
    fc.property(record, (value) => {
      expect(decodeRecord(encodeRecord(value))).toEqual(value);
    }),
  );
});

test('a log body keeps every change, in order', () => {
  const change = fc.record({ person: fc.base64String().map(personId), value: fc.option(record) });
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const decoded = [...decodeBody(encodeBody(changes))].map(([person, encoded]) => {
        return { person, value: encoded === null ? null : decodeRecord(encoded) };
      });
      expect(decoded).toEqual(changes);
    }),
  );
});

test('a typical record takes little room', () => {
  const at = 1_767_225_600_000;
  const claim = { mode: 'dnd', origin: 'network-one' as Origin, at, activeAt: at, expiresAt: null } as const;
  const busy = { text: 'In a meeting', emoji: ':calendar:', origin: claim.origin, expiresAt: null };
  expect(encodeRecord(recordOf(12, { claim, lastActivity: at })).length).toBeLessThanOrEqual(75);
  expect(encodeRecord(recordOf(12, { claim, status: busy, lastActivity: at })).length).toBeLessThanOrEqual(
    120,
  );
});

const encoded = JSON.parse(encodeRecord(FULL_RECORD)) as unknown[];

test.each([
  ['no JSON', '[1,null'],
  ['no tuple', '{}'],
  ['too short', JSON.stringify(encoded.slice(1))],
  ['too long', JSON.stringify([...encoded, 1])],
  ['a version of text', JSON.stringify(encoded.with(0, '1'))],
  ['a broken number', JSON.stringify(encoded.with(3, 1.5))],
  ['an unknown mode', JSON.stringify(encoded.with(1, ['away', 'left', 1]))],
  ['a claim without time', JSON.stringify(encoded.with(1, ['dnd', 'left']))],
  ['a claim with an expiry of text', JSON.stringify(encoded.with(1, ['dnd', 'left', 1, 0, '5']))],
  ['a claim with too much', JSON.stringify(encoded.with(1, ['dnd', 'left', 1, 0, 5, 6]))],
  ['an origin of no text', JSON.stringify(encoded.with(1, ['dnd', 1, 1]))],
  ['a status of text', JSON.stringify(encoded.with(2, 'text'))],
  ['an emoji of no text', JSON.stringify(encoded.with(2, [null, 1, 'left', null]))],
  ['a veil without seal', JSON.stringify(encoded.with(4, [null, null, null]))],
])('refuses %s', (_, damaged) => {
  expect(() => decodeRecord(damaged)).toThrow();
});

test('reads a claim as it was written before it could expire', () => {
  const old = [1, ['dnd', 'left', 1000, 5], null, 1005, null, [], null];
  expect(decodeRecord(JSON.stringify(old)).claim).toEqual({
    mode: 'dnd',
    origin: 'left',
    at: 1000,
    activeAt: 1005,
    expiresAt: null,
  });
});

test('keeps the blank record', () => {
  expect(decodeRecord(encodeRecord(BLANK))).toEqual(BLANK);
});

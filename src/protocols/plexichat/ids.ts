import type { NetworkName } from '../../presence/identity.ts';
import type { Network } from '../../presence/network.ts';

export const PLEXICHAT = 'plexichat' as NetworkName;

/** Where snowflakes begin to count: 2024-01-01T00:00:00Z in ms since 1970. */
const EPOCH = 1_704_067_200_000n;
/** A snowflake, from the top: ms since EPOCH, 5 bits of datacenter, 5 of worker, 12 of sequence. */
const TIME_SHIFT = 22n;
const MAKER_SHIFT = 12n;
const MAX_SEQUENCE = 0xfffn;
/** Datacenter 31 and worker 31, where no server makes ids (semantics §1). */
const STAND_IN_MAKER = 0x3ffn;
/** Ids are positive and below this. */
const ID_LIMIT = 1n << 63n;

/** An integer as Python's `int()` reads it: any script's digits, single underscores, a sign, spaces around. */
const INTEGER = /^[\t-\r\x85\p{Z}]*([+-]?)(\p{Nd}+(?:_\p{Nd}+)*)[\t-\r\x85\p{Z}]*$/u;
const MAX_DIGITS = 4300;
/** How clients write ids; everything else is read at a hundred times the cost. */
const PLAIN = /^[1-9]\d{0,18}$/;

/** The user id a path names, as a plain decimal, or null (Plexichat presence: GET). Not all of them can be had. */
export function parseUserId(text: string): string | null {
  if (PLAIN.test(text)) return text;
  const [, sign = '', written = ''] = INTEGER.exec(text) ?? [];
  const digits = written.replaceAll('_', '').replace(/\p{Nd}/gu, digitValue);
  if (digits === '' || digits.length > MAX_DIGITS) return null;
  const value = BigInt(digits);
  return String(sign === '-' ? -value : value);
}

/** When the account or stand-in of an id was made, ms since 1970. */
export function madeAt(id: string): number {
  return Number(timeOf(BigInt(id)) + EPOCH);
}

/** The network with Plexichat's ids and tokens. */
export const plexichatNetwork: Network = {
  name: PLEXICHAT,
  parseId: (text) => {
    const id = parseUserId(text);
    return id !== null && BigInt(id) > 0n && BigInt(id) < ID_LIMIT ? id : null;
  },
  isStandIn: (id) => ((BigInt(id) >> MAKER_SHIFT) & STAND_IN_MAKER) === STAND_IN_MAKER,
  standIns: { kind: 'allocated', next: nextStandIn },
  tokenText: (secret, id) => `${id}.${secret}`,
};

/** Grows with every call, whatever the clock does: a millisecond that is used up lends from the next. */
function nextStandIn(last: string | null, now: number): string {
  const fresh = firstStandIn(BigInt(now) - EPOCH);
  const previous = last === null ? firstStandIn(0n) : BigInt(last);
  if (fresh > previous) return String(fresh);
  const usedUp = (previous & MAX_SEQUENCE) === MAX_SEQUENCE;
  return String(usedUp ? firstStandIn(timeOf(previous) + 1n) : previous + 1n);
}

function firstStandIn(time: bigint): bigint {
  return (time << TIME_SHIFT) | (STAND_IN_MAKER << MAKER_SHIFT);
}

/** Milliseconds since EPOCH. */
function timeOf(snowflake: bigint): bigint {
  return snowflake >> TIME_SHIFT;
}

/** The ASCII digit of the same value. Unicode keeps the ten digits of a script in a row, zero first. */
function digitValue(digit: string): string {
  const code = Number(digit.codePointAt(0));
  let first = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--;
  return String((code - first) % 10);
}

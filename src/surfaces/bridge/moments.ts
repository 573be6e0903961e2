import { z } from 'zod';
import { BridgeError } from '../../presence/errors.ts';

/** The farthest that an end may lie ahead: a year, in seconds. */
const FARTHEST = 31_536_000;

const until = z.union([z.number().int().min(0), z.iso.datetime({ offset: true })]).optional();
const expiresIn = z.number().int().min(1).max(FARTHEST).optional();

/** Fields by which a body says when something ends; `what` goes on from "seconds". */
export function momentFields(prefix: '' | 'status_', what: string) {
  return {
    [`${prefix}until`]: until.describe(`Milliseconds since 1970 or ISO 8601, ${what}; at most a year ahead`),
    [`${prefix}expires_in`]: expiresIn.describe(`Seconds ${what}`),
  };
}

/** The instant that they name, ms since 1970; null when none. Throws `bad_json` for one that has passed or is too far away. */
export function instantOf(
  body: Readonly<Record<string, unknown>>,
  prefix: string,
  now: number,
): number | null {
  const said = until.parse(body[`${prefix}until`]);
  const seconds = expiresIn.parse(body[`${prefix}expires_in`]);
  if (said === undefined) return seconds === undefined ? null : now + seconds * 1000;
  const field = `${prefix}until`;
  if (seconds !== undefined) throw new BridgeError('bad_json', `${field}: or ${prefix}expires_in, not both`);
  const at = typeof said === 'number' ? said : Date.parse(said);
  if (at <= now) throw new BridgeError('bad_json', `${field}: has passed`);
  if (at > now + FARTHEST * 1000) throw new BridgeError('bad_json', `${field}: more than a year ahead`);
  return at;
}

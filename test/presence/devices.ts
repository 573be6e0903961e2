import type { NetworkName } from '../../src/presence/identity.ts';
import type { Mode, PresenceRecord, SessionMode } from '../../src/presence/record.ts';
import { BLANK } from '../../src/presence/record.ts';
import type { Rules, StatusEdit } from '../../src/presence/reduce.ts';
import { reduce, reduceSignal } from '../../src/presence/reduce.ts';
import type { Signal } from '../../src/presence/signal.ts';
import { bridgeDialect } from '../../src/surfaces/bridge/dialect.ts';
import { RULES } from '../helpers/bridge.ts';

export const ORIGIN = 'left' as NetworkName;
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;

/** What happens, by time in ms: a device says a mode for a while, a device goes, or she herself says a mode. */
export type Event =
  | { at: number; device: string; says: SessionMode; for?: number; active?: boolean }
  | { at: number; device: string; ends: number }
  /** A null text clears the status; without one it stays. */
  | { at: number; she: Mode; text?: string | null };

function signalOf(event: Exclude<Event, { she: Mode }>): Signal {
  const named = { id: event.device, origin: ORIGIN };
  if ('ends' in event) return { kind: 'session-end', ...named, endsAt: event.ends };
  const endsAt = event.at + (event.for ?? 10 * MINUTE);
  return { kind: 'session', ...named, mode: event.says, active: event.active ?? true, endsAt };
}

function statusEdit(text: string | null | undefined): StatusEdit {
  if (text === undefined) return { kind: 'keep' };
  return text === null ? { kind: 'clear' } : { kind: 'set', text, emoji: null };
}

/** The record after one more event. */
export function after(record: PresenceRecord, event: Event, rules: Rules = RULES): PresenceRecord {
  if (!('she' in event)) return reduceSignal(record, signalOf(event), event.at, rules);
  const status = statusEdit(event.text);
  return reduce(record, { dialect: bridgeDialect, mode: event.she, status }, event.at, rules);
}

export function play(events: readonly Event[], rules: Rules = RULES): PresenceRecord {
  return events.reduce((record, event) => after(record, event, rules), BLANK);
}

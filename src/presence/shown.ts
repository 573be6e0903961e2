import type { Timing } from './expiry.ts';
import { lapse, modeAt, statusAt } from './expiry.ts';
import type { Availability, CustomStatus, Mode, PresenceRecord } from './record.ts';

/** Movement of the last activity that is worth an event of its own, ms. */
const ACTIVITY_STEP = 60_000;

interface Face {
  readonly status: CustomStatus | null;
  /** Milliseconds since 1970, or null when unknown. */
  readonly lastActivity: number | null;
}

/** What the person sees of herself. */
export interface Own extends Face {
  readonly mode: Mode;
  /** When what she said of her mode ends by itself, ms since 1970; absent when never. */
  readonly until?: number;
}

/** Everything that anybody but the person may ever learn (semantics §2). */
export interface Shown extends Face {
  readonly mode: Availability;
}

export interface Projection {
  readonly own: Own;
  readonly shown: Shown;
}

/** What somebody is shown whose record does not exist. */
export const NOTHING_SHOWN: Shown = { mode: 'offline', status: null, lastActivity: null };

/** Both views of a record at `now`. The only way from a record to what leaves the bridge. */
export function project(stored: PresenceRecord, now: number, timing: Timing): Projection {
  const record = lapse(stored, now, timing);
  const mode = modeAt(record, now, timing);
  const face: Face = { status: statusAt(record.status, now), lastActivity: record.lastActivity };
  const until = record.claim?.expiresAt ?? null;
  const own: Own = { ...face, mode, ...(until !== null && { until }) };
  const { veil } = record;
  if (veil) {
    const shown: Shown = {
      mode: 'offline',
      status: statusAt(veil.status, now),
      lastActivity: veil.lastActivity,
    };
    return { own, shown };
  }
  // An invisible record without a veil cannot be made by `reduce`; should one ever be read, it shows nothing.
  return { own, shown: mode === 'invisible' ? NOTHING_SHOWN : { ...face, mode } };
}

/** Whether there is no difference worth telling: activity alone is told once it has moved by a minute. */
export function sameFace(a: Own | Shown, b: Own | Shown): boolean {
  return (
    a.mode === b.mode &&
    a.status?.text === b.status?.text &&
    a.status?.emoji === b.status?.emoji &&
    Math.abs((a.lastActivity ?? 0) - (b.lastActivity ?? 0)) < ACTIVITY_STEP
  );
}

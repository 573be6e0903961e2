import type { Dialect } from './dialect.ts';
import { canExpress } from './dialect.ts';
import type { Timing } from './expiry.ts';
import type { Claim, CustomStatus, Mode, PresenceRecord, Veil } from './record.ts';
import type { Own, Shown } from './shown.ts';
import { project } from './shown.ts';

/** What a write says of the custom status. */
export type StatusEdit =
  | { readonly kind: 'keep' }
  | { readonly kind: 'clear' }
  /** Clears only what came from the writer's own network. */
  | { readonly kind: 'clear-own' }
  | {
      readonly kind: 'set';
      /** Absent leaves the text alone. */
      readonly text?: string;
      /** Null clears the emoji. */
      readonly emoji: string | null;
      /** Milliseconds since 1970; null for ever; absent leaves the expiry of an echoed status alone. */
      readonly expiresAt?: number | null;
    };

export interface ExplicitWrite {
  readonly dialect: Dialect;
  readonly mode: Mode;
  readonly status: StatusEdit;
}

export interface Rules {
  readonly timing: Timing;
  /** `translation.sticky`: a dialect that cannot say dnd or invisible does not lift them. */
  readonly sticky: boolean;
}

/** The record after an explicit write at `now` (semantics §4). Pure; the version always grows by one. */
export function reduce(
  record: PresenceRecord,
  write: ExplicitWrite,
  now: number,
  rules: Rules,
): PresenceRecord {
  const { own, shown } = project(record, now, rules.timing);
  const claim = nextClaim(record.claim, own.mode, write, now, rules.sticky);
  const status = nextStatus(own, write);
  return {
    version: record.version + 1,
    claim,
    status,
    lastActivity: now, // semantics §4.4
    veil: nextVeil(record.veil, shown, claim, status, write, now),
  };
}

function nextClaim(
  claim: Claim | null,
  seen: Mode,
  write: ExplicitWrite,
  now: number,
  sticky: boolean,
): Claim {
  const { dialect, mode } = write;
  const said = dialect.words[mode];
  // An echo (§4.1) repeats the claim itself. The word of a timer (idle, offline) written back is a new claim:
  // the activity of the write would otherwise undo just what it says.
  if (claim && dialect.words[seen] === said && dialect.words[claim.mode] === said) return claim;
  if (claim && sticky && isHeld(claim, write)) return claim;
  return { mode, origin: dialect.origin, at: now };
}

/** Semantics §4.2: dnd and invisible are lifted by whoever set them or can say them; `offline` ends dnd. */
function isHeld(claim: Claim, { dialect, mode }: ExplicitWrite): boolean {
  if (claim.mode !== 'dnd' && claim.mode !== 'invisible') return false;
  if (claim.origin === dialect.origin || canExpress(dialect, claim.mode)) return false;
  return !(claim.mode === 'dnd' && mode === 'offline');
}

function nextStatus(own: Own, { dialect, status: edit }: ExplicitWrite): CustomStatus | null {
  const current = own.status;
  if (edit.kind === 'keep') return current;
  if (edit.kind === 'clear') return null;
  if (edit.kind === 'clear-own') return current?.origin === dialect.origin ? null : current;

  const seen = dialect.see(current);
  const echoedText = current !== null && (edit.text === undefined || edit.text === seen.text);
  if (echoedText && edit.emoji === seen.emoji) {
    return edit.expiresAt === undefined ? current : { ...current, expiresAt: edit.expiresAt };
  }
  const text = echoedText ? current.text : (edit.text ?? null);
  if (text === null && edit.emoji === null) return null;
  return { text, emoji: edit.emoji, origin: dialect.origin, expiresAt: edit.expiresAt ?? null };
}

/** Semantics §6: leaving by `offline` and by `invisible` look the same; only a visible mode lifts the veil. */
function nextVeil(
  veil: Veil | null,
  shown: Shown,
  claim: Claim,
  status: CustomStatus | null,
  write: ExplicitWrite,
  now: number,
): Veil | null {
  if (claim.mode !== 'offline' && claim.mode !== 'invisible') return null;
  const lastActivity = shown.mode === 'offline' ? shown.lastActivity : now;
  const sealed = claim.mode === 'invisible' || (veil?.sealed ?? false);
  const speaks = write.status.kind !== 'keep' && !sealed;
  return { lastActivity, status: speaks ? status : shown.status, sealed };
}

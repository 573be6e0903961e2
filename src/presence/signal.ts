import type { Origin, SessionMode } from './record.ts';

/** An automatic signal. It never changes a claim, a text, dnd or invisible, save that an opening ends an offline claim. */
export type Signal =
  /** Opens the session or renews its lease; `active` when the signal shows the person herself at work. */
  | {
      readonly kind: 'session';
      readonly id: string;
      readonly origin: Origin;
      readonly mode: SessionMode;
      readonly active: boolean;
      /** Milliseconds since 1970. */
      readonly endsAt: number;
    }
  /**
   * The connection is gone: its session ends at `endsAt` if it would live longer. Where `leased` says when the lease of that
   * connection ends, only if it is still that one: on another node the device may have taken a new one since.
   */
  | {
      readonly kind: 'session-end';
      readonly id: string;
      readonly origin: Origin;
      /** Milliseconds since 1970. */
      readonly leased?: number;
      /** Milliseconds since 1970. */
      readonly endsAt: number;
    };

import type { PersonId } from './identity.ts';
import type { PresenceRecord } from './record.ts';

/** The authoritative, durable home of the records. */
export interface PresenceStore {
  /** The newest durable record; null when she never had one. Timers are applied by the reader (`project`). */
  get(person: PersonId): Promise<PresenceRecord | null>;

  /**
   * Replaces the record of version `expected` (0: none yet). Resolves true once the change is durable and every later
   * `get` sees it, false when the stored version is another one. Changes of one person become visible in version order.
   * Throws `overloaded` when the queue is full, `store_unavailable` when the disk refuses: then nothing has changed
   * (a store behind a network may have lost the answer: then it has or has not, once).
   */
  compareAndSet(person: PersonId, expected: number, record: PresenceRecord): Promise<boolean>;

  /** The records that time will still change after `now` (`settledAt`), in no order; for a start. */
  unsettled(now: number): AsyncIterable<readonly [PersonId, PresenceRecord]>;
}

import type { PersonId } from '../../src/presence/identity.ts';

/** What one process of the benchmark does. */
export interface Task {
  readonly kind: 'embedded' | 'bare' | 'node';
  /** A folder or a URL. */
  readonly place: string;
  readonly writers: number;
  readonly people: number;
  readonly ms: number;
}

/** How it went: writes a second, and milliseconds of one. */
export interface Figures {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Writes that met another node's. */
  readonly refused: number;
}

export function personOf(index: number): PersonId {
  return `person-${String(index).padStart(9, '0')}` as PersonId;
}

import type { ErrorCode } from '../../../presence/errors.ts';

/** The most that are kept; the oldest makes room. */
const MAX_FAILURES = 50;

export interface Failure {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly what: 'link' | 'unlink';
  readonly code: ErrorCode;
  /** As it was answered. */
  readonly message: string;
}

/** Links that could not be made or undone on this node, the newest first; since its start. */
export class Failures {
  readonly #failures: Failure[] = [];

  add(failure: Failure): void {
    this.#failures.unshift(failure);
    this.#failures.length = Math.min(this.#failures.length, MAX_FAILURES);
  }

  list(): readonly Failure[] {
    return this.#failures;
  }
}

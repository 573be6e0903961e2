import { LRUCache } from 'lru-cache';
import type { Caller, TokenVerifier } from '../presence/tokens.ts';

/** Live tokens remembered at once. */
const MAX_TOKENS = 100_000;

/** Remembers live tokens by their text, so that a hot request neither hashes nor reads. */
export class TokenCache implements TokenVerifier {
  readonly #inner: TokenVerifier;
  readonly #callers = new LRUCache<string, Caller>({ max: MAX_TOKENS });
  readonly #listeners = new Set<() => void>();
  #generation = 0;

  constructor(inner: TokenVerifier) {
    this.#inner = inner;
  }

  /** The caller by a live token that is remembered. */
  known(token: string): Caller | null {
    return this.#callers.get(token) ?? null;
  }

  async verify(token: string): Promise<Caller | null> {
    const known = this.#callers.get(token);
    if (known) return known;
    const generation = this.#generation;
    const caller = await this.#inner.verify(token);
    // A revocation while we looked may have made the answer stale: then it is not kept.
    if (caller && generation === this.#generation) this.#callers.set(token, caller);
    return caller;
  }

  /** Forgets every token. Revocations and links are rare, so nothing finer is worth its code. */
  clear(): void {
    this.#generation++;
    this.#callers.clear();
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` when any token may have been revoked or moved: who lives by one must verify it anew. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

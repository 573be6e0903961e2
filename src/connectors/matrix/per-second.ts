import type { Window } from '../budget.ts';

/** The shortest window in which so many takes a second are whole ones; `rate` may be less than 1. */
export function perSecond(rate: number): Window {
  const limit = Math.max(1, Math.floor(rate));
  return { limit, windowMs: (limit / rate) * 1000 };
}

import type { PlexichatFaultKind } from './fault.ts';
import { PlexichatFault } from './fault.ts';

/** Null for what is no fault of the server. */
export function faultKind(error: unknown): PlexichatFaultKind | null {
  return error instanceof PlexichatFault ? error.kind : null;
}

/** How long the server wants to be left alone, ms; null when it does not say. */
export function retryAfterOf(error: unknown): number | null {
  return error instanceof PlexichatFault ? error.retryAfterMs : null;
}

/** Whether the same request may be answered a while later. */
export function isTransient(error: unknown): boolean {
  const kind = faultKind(error);
  return kind !== 'unauthorized' && kind !== 'forbidden' && kind !== 'refused';
}

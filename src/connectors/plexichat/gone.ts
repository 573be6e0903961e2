import { BridgeError } from '../../presence/errors.ts';

/** For `catch`: null for a person who does not exist any more; throws anything else. */
export function nullIfGone(error: unknown): null {
  if (error instanceof BridgeError && error.code === 'not_found') return null;
  throw error;
}

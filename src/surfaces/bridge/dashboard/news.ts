import type { Shown } from '../../../presence/shown.ts';
import { NOTHING_SHOWN, sameFace } from '../../../presence/shown.ts';

/**
 * Whether a change of somebody is one for others, too; `before` is undefined of whoever was offline. Everything that a
 * dashboard counts or tells goes by it, and so by nothing that is done out of sight (semantics §6).
 */
export function isNews(before: Shown | undefined, shown: Shown): boolean {
  if (!before && shown.mode === 'offline') return false;
  return !sameFace(before ?? NOTHING_SHOWN, shown);
}

import type { Visibility } from './identity.ts';

/** What stands between a reader and the person she looks at. */
export interface Relation {
  /** Whether either has blocked the other. */
  readonly blocked: boolean;
  /** Whether the person looked at has the reader among her contacts. */
  readonly listsReader: boolean;
}

/** Semantics §9. She herself is not asked about: the service answers her from `own`. */
export function maySee(visibility: Visibility, relation: Relation): boolean {
  if (relation.blocked) return false;
  return visibility === 'everyone' || (visibility === 'contacts' && relation.listsReader);
}

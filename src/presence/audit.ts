import type { Clock } from './clock.ts';
import type { Actor, AuditAction, AuditNote, DirectoryChange } from './directory.ts';

/** Who acts where it is no user. */
export const OPERATOR = 'operator';

export interface AuditSources {
  readonly clock: Pick<Clock, 'now'>;
  /** As in `Secrets`. */
  readonly secrets: { random(bytes: number): string };
}

/**
 * The row that keeps an action, for the commit that carries it out; none where nobody acts, as when the bridge meets somebody
 * new. It holds no secret, and nothing of how anybody is.
 */
export function auditRows(
  { clock, secrets }: AuditSources,
  actor: Actor | undefined,
  action: AuditAction,
  note: Pick<AuditNote, 'subjects' | 'details'>,
): DirectoryChange[] {
  if (actor === undefined) return [];
  return [{ row: 'audit', id: secrets.random(12), value: { at: clock.now(), actor, action, ...note } }];
}

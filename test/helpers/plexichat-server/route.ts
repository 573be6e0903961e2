import type { Accounts, Identity } from './accounts.ts';
import type { Settings } from './options.ts';
import type { Presence } from './presence.ts';
import type { Relations } from './relations.ts';
import type { Reply } from './reply.ts';

export interface Call {
  readonly identity: Identity;
  /** What the pattern's group caught, still percent-encoded. */
  readonly id: string;
  readonly body: unknown;
}

export interface Route {
  readonly method: 'GET' | 'PUT';
  readonly path: RegExp;
  /** Answers without a token. */
  readonly open?: boolean;
  /** Answers those who must change their name, too. */
  readonly mayRename?: boolean;
  readonly answer: (call: Call) => Reply;
}

export interface RouteContext {
  readonly settings: Settings;
  readonly accounts: Accounts;
  readonly relations: Relations;
  readonly presence: Presence;
}

/** Relative, whatever the documentation says. */
export function avatarUrl(id: string): string {
  return `/api/v1/avatars/users/${id}`;
}

export function badges(ownerId: string | null): string[] {
  return ownerId === null ? ['alpha_tester'] : [];
}

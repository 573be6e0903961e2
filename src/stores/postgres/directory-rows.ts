import type { DirectoryChange } from '../../presence/directory.ts';
import { toColumn } from '../text-column.ts';

/** A change of the directory's own tables, as `put_row` and the outbox have it: columns by name. */
export type DirectoryRow = Readonly<Record<string, string | number | boolean | null>> & {
  readonly table: string;
  /** Whether the row is removed; it then has its key alone. */
  readonly gone?: true;
  /** In the outbox: who had an address or a token that the row gives to another or takes away. */
  readonly was?: string;
};

export function directoryRow(change: Exclude<DirectoryChange, { row: 'presence' }>): DirectoryRow {
  switch (change.row) {
    case 'person': {
      const { id, value } = change;
      const { displayName = null, avatarUrl = null, visibility = null, createdAt = null } = value ?? {};
      return put(
        'people',
        { id },
        value && {
          display_name: toColumn(displayName),
          avatar_url: toColumn(avatarUrl),
          visibility,
          created_at: createdAt,
        },
      );
    }
    case 'address': {
      const { address, value } = change;
      return put('addresses', keyOf(address), value && { person: value.person, kind: value.kind });
    }
    case 'token': {
      const { hash, value } = change;
      return put(
        'tokens',
        { hash },
        value && {
          person: value.person,
          network: value.network,
          device_id: toColumn(value.deviceId),
          created_at: value.createdAt,
        },
      );
    }
    case 'held-token': {
      const { address, value } = change;
      return put('held_tokens', keyOf(address), value && { sealed: value.sealed, given_at: value.givenAt });
    }
    case 'contact':
      return put('contacts', { owner: change.owner, target: change.target }, change.value && {});
    case 'block':
      return put('blocks', { blocker: change.blocker, blocked: change.blocked }, change.value && {});
    case 'invite':
      return put('invites', { owner: change.owner, ...keyOf(change.address) }, change.value && {});
    case 'meta':
      return put('meta', { key: toColumn(change.key) }, { value: toColumn(change.value) });
    case 'audit': {
      const { at, actor, action, subjects, details } = change.value;
      const texts = { subjects: JSON.stringify(subjects), details: JSON.stringify(details) };
      return put('audit', { id: change.id }, { at, actor, action, ...texts });
    }
  }
}

type Columns = Readonly<Record<string, string | number | null>>;

function put(table: string, key: Columns, rest: Columns | null | false): DirectoryRow {
  return rest ? { table, ...key, ...rest } : { table, ...key, gone: true };
}

function keyOf({ network, id }: { readonly network: string; readonly id: string }): Columns {
  return { network, id: toColumn(id) };
}

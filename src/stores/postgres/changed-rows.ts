import type { Touched } from '../../presence/cluster.ts';
import type { Address, NetworkName, PersonId } from '../../presence/identity.ts';
import { fromColumn } from '../text-column.ts';
import type { DirectoryRow } from './directory-rows.ts';

/** Whom and what a changed row of the directory names, be it new or gone. */
export type ChangedRow =
  | { readonly table: 'people'; readonly id: PersonId }
  /** `owners`: who has it now, and who had it before where that was another. */
  | { readonly table: 'addresses'; readonly address: Address; readonly owners: readonly PersonId[] }
  | { readonly table: 'tokens'; readonly hash: string; readonly owners: readonly PersonId[] }
  | { readonly table: 'contacts'; readonly owner: PersonId; readonly target: PersonId }
  | { readonly table: 'blocks'; readonly blocker: PersonId; readonly blocked: PersonId }
  | { readonly table: 'invites'; readonly owner: PersonId; readonly address: Address }
  | { readonly table: 'held_tokens' | 'meta' | 'audit' };

/** Reads a row as the outbox has it. Throws a plain Error when it is none. */
export function changedRow(row: DirectoryRow): ChangedRow {
  const { table } = row;
  switch (table) {
    case 'people':
      return { table, id: personAt(row, 'id') };
    case 'addresses':
      return { table, address: addressOf(row), owners: ownersOf(row) };
    case 'tokens':
      return { table, hash: textAt(row, 'hash'), owners: ownersOf(row) };
    case 'contacts':
      return { table, owner: personAt(row, 'owner'), target: personAt(row, 'target') };
    case 'blocks':
      return { table, blocker: personAt(row, 'blocker'), blocked: personAt(row, 'blocked') };
    case 'invites':
      return { table, owner: personAt(row, 'owner'), address: addressOf(row) };
    case 'held_tokens':
    case 'meta':
    case 'audit':
      return { table };
    default:
      throw new Error(`a row of an unknown table ${table}`);
  }
}

/** Whom these rows concern, those included who have lost an address: they go by other accounts, too. */
export function touchedBy(rows: readonly ChangedRow[]): Touched {
  const people = rows.flatMap((row) => {
    if (row.table === 'people') return [row.id];
    return row.table === 'addresses' ? row.owners : [];
  });
  const pairs = rows.flatMap((row): (readonly [PersonId, PersonId])[] => {
    if (row.table === 'contacts') return [[row.owner, row.target]];
    return row.table === 'blocks' ? [[row.blocker, row.blocked]] : [];
  });
  return { tokens: rows.some(({ table }) => table === 'tokens'), people: [...new Set(people)], pairs };
}

function ownersOf(row: DirectoryRow): PersonId[] {
  return ['person', 'was']
    .filter((column) => typeof row[column] === 'string')
    .map((column) => personAt(row, column));
}

function addressOf(row: DirectoryRow): Address {
  return { network: textAt(row, 'network') as NetworkName, id: fromColumn(textAt(row, 'id')) };
}

function personAt(row: DirectoryRow, column: string): PersonId {
  return textAt(row, column) as PersonId;
}

function textAt(row: DirectoryRow, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new Error(`a row of ${row.table} without ${column}`);
  return value;
}

/** How a table of a store is copied to another: both have its columns, spelled alike. */
export interface TableShape {
  readonly columns: readonly string[];
  /** The column that its rows are read by: its key, or `INSERTION` where the order of insertion means something. */
  readonly order: string;
}

/** Stands for whatever column a store keeps the order of insertion in. */
export const INSERTION = 'insertion';

/** Columns that hold whole numbers; all others hold text. */
export const NUMBERS: ReadonlySet<string> = new Set(['created_at', 'given_at', 'at']);

/** What a store holds: the directory, and the records by person. Tables are copied in this order. */
export const TABLES = {
  people: { columns: ['id', 'display_name', 'avatar_url', 'visibility', 'created_at'], order: 'id' },
  addresses: { columns: ['network', 'id', 'person', 'kind'], order: INSERTION },
  tokens: { columns: ['hash', 'person', 'network', 'device_id', 'created_at'], order: INSERTION },
  held_tokens: { columns: ['network', 'id', 'sealed', 'given_at'], order: INSERTION },
  contacts: { columns: ['owner', 'target'], order: INSERTION },
  blocks: { columns: ['blocker', 'blocked'], order: INSERTION },
  invites: { columns: ['owner', 'network', 'id'], order: INSERTION },
  meta: { columns: ['key', 'value'], order: 'key' },
  audit: { columns: ['id', 'at', 'actor', 'action', 'subjects', 'details'], order: INSERTION },
  presence: { columns: ['person', 'record'], order: 'person' },
} as const satisfies Record<string, TableShape>;

export type TableName = keyof typeof TABLES;
export const TABLE_NAMES = Object.keys(TABLES) as TableName[];

/** The values of a row in the order of its columns. */
export type Row = readonly (string | number | null)[];

/** Where reading has come to: the value of the column that a table is read by. */
export type Cursor = string | number;

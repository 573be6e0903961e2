import type { Client } from 'pg';
import type { PersonId } from '../../presence/identity.ts';
import { decodeRecord } from '../record-codec.ts';
import { slotOf } from './records.ts';
import { shardOf } from './shard-map.ts';

/** A row of `presence`. */
export interface RecordColumns {
  readonly person: string;
  readonly shard: number;
  readonly version: number | string;
  readonly record: string;
  readonly slot: number | string | null;
}

/** The row of an encoded record. Throws when it is damaged. */
export function recordColumns(person: PersonId, record: string): RecordColumns {
  const { version, settledAt } = decodeRecord(record);
  const slot = settledAt === null ? null : slotOf(settledAt);
  return { person, shard: shardOf(person), version, record, slot };
}

/** Puts rows as they are, without a word in the outbox. */
export async function putRecords(client: Client, rows: readonly RecordColumns[]): Promise<void> {
  await client.query(
    `INSERT INTO presence (person, shard, version, record, settled_slot)
     SELECT * FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::text[], $5::bigint[])
     ON CONFLICT (person) DO UPDATE SET shard = excluded.shard, version = excluded.version,
       record = excluded.record, settled_slot = excluded.settled_slot`,
    [
      rows.map(({ person }) => person),
      rows.map(({ shard }) => shard),
      rows.map(({ version }) => version),
      rows.map(({ record }) => record),
      rows.map(({ slot }) => slot),
    ],
  );
}

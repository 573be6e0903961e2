import type { PersonId } from '../../presence/identity.ts';
import type { PresenceRecord } from '../../presence/record.ts';
import { encodeRecord } from '../record-codec.ts';

/** A record to be stored, or null where it is forgotten. */
export interface RecordChange {
  readonly person: PersonId;
  readonly value: PresenceRecord | null;
}

/** The body of a log row: a line per change, `person TAB record`. JSON has no raw tab or line end. */
export function encodeBody(changes: readonly RecordChange[]): string {
  return changes.map(({ person, value }) => `${person}\t${value ? encodeRecord(value) : ''}\n`).join('');
}

/** Person and encoded record of each line; null where the record is forgotten. */
export function* decodeBody(body: string): Generator<[PersonId, string | null]> {
  for (const line of body.split('\n')) {
    if (line === '') continue;
    const tab = line.indexOf('\t');
    yield [line.slice(0, tab) as PersonId, line.slice(tab + 1) || null];
  }
}

import type { Directory, DirectoryChange } from '../../../src/presence/directory.ts';
import type { NetworkName, PersonId } from '../../../src/presence/identity.ts';
import type { PresenceRecord } from '../../../src/presence/record.ts';
import type { PresenceStore } from '../../../src/presence/store.ts';
import { FULL_RECORD, personId, recordOf } from '../../contract/records.ts';

export type AnyStore = PresenceStore & Directory;

const LEFT = 'left' as NetworkName;
const RIGHT = 'right' as NetworkName;
/** People put in one commit. */
const AT_ONCE = 500;

/** Ids in an order that is not that of insertion. */
export function person(index: number): PersonId {
  return personId(`p${((index * 7_919) % 1_000_003).toString(36)}-${index}`);
}

/** Puts so many people into an empty store, each with something in every table. */
export async function fill(store: AnyStore, people: number): Promise<void> {
  for (let from = 0; from < people; from += AT_ONCE) {
    const indexes = Array.from({ length: Math.min(AT_ONCE, people - from) }, (_, index) => from + index);
    await store.commit(indexes.flatMap((index) => rowsOf(index, people)));
  }
  await store.commit([
    { row: 'meta', key: 'first', value: 'text \0 with "everything" 🙂' },
    { row: 'meta', key: 'second', value: '' },
  ]);
}

function rowsOf(index: number, people: number): DirectoryChange[] {
  const id = person(index);
  const other = person((index + 1) % people);
  const address = { network: LEFT, id: `@${index}\0:x` };
  return [
    {
      row: 'person',
      id,
      value: {
        displayName: index % 3 === 0 ? null : `Name \0 ${index} 🙂`,
        avatarUrl: null,
        visibility: index % 2 === 0 ? 'everyone' : 'contacts',
        createdAt: 1_767_225_600_000 + index,
      },
    },
    // An alias whose id comes first in any alphabet, put last.
    { row: 'address', address, value: { person: id, kind: 'own' } },
    { row: 'address', address: { network: RIGHT, id: `${index}` }, value: { person: id, kind: 'stand-in' } },
    { row: 'address', address: { network: LEFT, id: `!${index}` }, value: { person: id, kind: 'alias' } },
    ...['z', 'a'].map((mark): DirectoryChange => {
      const value = { person: id, network: LEFT, deviceId: `device ${mark}\0`, createdAt: 1_000 };
      return { row: 'token', hash: `${mark}${index}`, value };
    }),
    { row: 'held-token', address, value: { sealed: `sealed ${index}`, givenAt: 5_000 } },
    { row: 'contact', owner: id, target: other, value: true },
    { row: 'contact', owner: id, target: person((index + 2) % people), value: true },
    ...(index % 10 === 0 ? [{ row: 'block' as const, blocker: id, blocked: other, value: true }] : []),
    { row: 'invite', owner: id, address: { network: RIGHT, id: `nobody ${index}` }, value: true },
    {
      row: 'audit',
      id: `entry ${(index * 7) % people} ${index}`,
      value: { at: 7_000, actor: 'operator', action: 'block', subjects: [id], details: { why: '\0 🙂' } },
    },
    { row: 'presence', person: id, expected: 0, value: recordFor(index) },
  ];
}

function recordFor(index: number): PresenceRecord {
  if (index % 4 === 0) return { ...FULL_RECORD, version: index + 1 };
  return recordOf(index + 1, { settledAt: index % 4 === 1 ? 2 ** 45 + index : null });
}

/** All that the ports tell of everybody, in their order; relations and tokens of one in `every`. */
export async function tell(store: AnyStore, every = 1): Promise<unknown> {
  const told: unknown[] = [
    await store.meta('first'),
    await store.meta('second'),
    await store.heldTokens.all(LEFT),
  ];
  for (let after: PersonId | null = null; ;) {
    const page = await store.people.page(after, 1_000);
    const sample = page.filter((_, index) => index % every === 0);
    told.push(page, ...(await Promise.all(sample.map(({ id }) => about(store, id)))));
    const last = page.at(-1);
    if (!last) break;
    after = last.id;
  }
  const unsettled: string[] = [];
  for await (const [id, { version }] of store.unsettled(2 ** 45)) unsettled.push(`${id} ${version}`);
  return [...told, unsettled.toSorted()];
}

async function about(store: AnyStore, id: PersonId): Promise<unknown> {
  return [
    await store.get(id),
    await store.tokens.of(id),
    await store.relations.contactsOf(id),
    (await store.relations.listersOf(id)).toSorted(),
    (await store.relations.blocksOf(id)).map((block) => JSON.stringify(block)).toSorted(),
    await store.relations.invites({ owner: id }),
  ];
}

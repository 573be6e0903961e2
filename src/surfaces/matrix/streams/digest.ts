import { createHash } from 'node:crypto';
import type { Person, PersonId } from '../../../presence/identity.ts';
import type { Own, Shown } from '../../../presence/shown.ts';

/** Parts of a view that are told apart, so that a difference in one need not be made up for in all. */
const PARTS = 16;
const BYTES = 4;

/** What an observer was shown of somebody, or of herself. */
interface Seen {
  readonly person: Person;
  readonly face: Own | Shown;
}

/**
 * A view in 64 bytes, by which another node, or this one after a restart, can tell what of it has changed since a client saw
 * it. Whoever is offline without a status counts as unknown. A change goes unnoticed once in 2^32 times.
 */
export class Digest {
  readonly #observer: PersonId;
  readonly #sums = Buffer.alloc(PARTS * BYTES);

  constructor(observer: PersonId) {
    this.#observer = observer;
  }

  /** Takes in what is seen of somebody; once more takes it out. Activity does not count: alone it is not worth telling. */
  toggle({ person, face }: Seen): void {
    if (face.mode === 'offline' && face.status === null) return;
    const { displayName, avatarUrl, addresses } = person;
    const looks = [face.mode, face.status?.text, face.status?.emoji, displayName, avatarUrl, addresses];
    const marks = JSON.stringify([this.#observer, person.id, ...looks]);
    const hash = createHash('sha256').update(marks).digest();
    const offset = partOf(person.id) * BYTES;
    for (let i = 0; i < BYTES; i++) this.#sums[offset + i] = (this.#sums[offset + i] ?? 0) ^ (hash[i] ?? 0);
  }

  /** 86 base64url characters. */
  toString(): string {
    return this.#sums.toString('base64url');
  }

  /** Who may look otherwise than in the view whose digest that was. */
  changesSince(before: string): (seen: Pick<Seen, 'person'>) => boolean {
    const sums = Buffer.from(before, 'base64url');
    const changed = Array.from({ length: PARTS }, (_, part) => {
      const [from, to] = [part * BYTES, (part + 1) * BYTES];
      return this.#sums.compare(sums, from, to, from, to) !== 0;
    });
    return ({ person }) => changed[partOf(person.id)] === true;
  }
}

function partOf(person: PersonId): number {
  return person.charCodeAt(0) % PARTS;
}

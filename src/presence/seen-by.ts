import type { RelationReader } from './directory.ts';
import type { Person, PersonId, Visibility } from './identity.ts';
import { maySee } from './visibility.ts';

/** The most who listed somebody that are looked at. */
const MAX_LOOKED_AT = 1000;

/** Who may see somebody (semantics §9). */
export interface SeenBy {
  readonly visibility: Visibility;
  /** On either side of a block with her. */
  readonly hiddenFrom: readonly PersonId[];
  /** Who listed her and may see her: whom her changes are told to. Of the first thousand who listed her. */
  readonly told: readonly PersonId[];
  /** How many listed her, whether they may see her or not. */
  readonly listedBy: number;
}

/** Errors as in the store. */
export async function seenBy(relations: RelationReader, person: Person): Promise<SeenBy> {
  const [blocks, listers] = await Promise.all([
    relations.blocksOf(person.id),
    relations.listersOf(person.id),
  ]);
  const others = blocks.map(({ blocker, blocked }) => (blocker === person.id ? blocked : blocker));
  const told: PersonId[] = [];
  for (const lister of listers.slice(0, MAX_LOOKED_AT)) {
    if (maySee(person.visibility, await relations.between(lister, person.id))) told.push(lister);
  }
  return {
    visibility: person.visibility,
    hiddenFrom: [...new Set(others)].sort(),
    told: told.sort(),
    listedBy: listers.length,
  };
}

import type { Directory } from '../presence/directory.ts';
import type { NetworkName, Person } from '../presence/identity.ts';
import { ownAddress } from '../presence/identity.ts';

/** Whether somebody may be shown by a network's own server, which shows her to whom it likes. */
export type Shareable = (person: Person, network: NetworkName) => Promise<boolean>;

/**
 * Only who may be seen by everyone, and is parted by no block from anybody there: a real server knows neither her
 * visibility nor her blocks here (semantics §9).
 */
export function shareability({ people, relations }: Pick<Directory, 'people' | 'relations'>): Shareable {
  return async (person, network) => {
    if (person.visibility !== 'everyone') return false;
    for (const { blocker, blocked } of await relations.blocksOf(person.id)) {
      const other = await people.byId(blocker === person.id ? blocked : blocker);
      if (other && ownAddress(other, network)) return false;
    }
    return true;
  };
}

import { BridgeError } from '../../presence/errors.ts';
import type { Address, Person, PersonId } from '../../presence/identity.ts';
import type { Own, Shown } from '../../presence/shown.ts';
import type { MatrixContext } from './context.ts';

/** The person that a user id leads to; null when nobody. Throws `bad_parameter` when it is no user id. */
export async function findUser(
  { people, network }: Pick<MatrixContext, 'people' | 'network'>,
  userId: string,
): Promise<Person | null> {
  const id = network.parseId(userId);
  if (id === null) throw new BridgeError('bad_parameter', 'Malformed user id');
  return people.find({ network: network.name, id });
}

/** Throws `forbidden` unless the user id leads to the caller (semantics §4.6), `bad_parameter` when it is none. */
export async function demandSelf(
  context: Pick<MatrixContext, 'people' | 'network'>,
  caller: PersonId,
  userId: string,
): Promise<void> {
  const person = await findUser(context, userId);
  if (person?.id !== caller) throw new BridgeError('forbidden');
}

/** What a reader sees of somebody: all of herself, of others what is shown; null when she may not see her. */
export async function viewOf(
  { presence }: Pick<MatrixContext, 'presence'>,
  reader: PersonId,
  target: Person,
): Promise<Own | Shown | null> {
  return target.id === reader ? presence.own(reader) : presence.shown(reader, target);
}

export function addressesOf(
  { network }: Pick<MatrixContext, 'network'>,
  userIds: readonly string[],
): Address[] {
  return userIds.map((id) => ({ network: network.name, id }));
}

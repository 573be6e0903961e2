import { z } from 'zod';
import type { Address, Person, PersonId } from '../../presence/identity.ts';
import { ownAddress, VISIBILITIES } from '../../presence/identity.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { Network } from '../../presence/network.ts';
import { idOn } from '../../presence/network.ts';
import type { People } from '../../presence/people.ts';

/** Fields named after the networks, such as `<network>_id`; the surface knows no network by name. */
export function networkFields<T extends z.ZodType>(
  networks: readonly Network[],
  suffix: 'id' | 'token',
  field: (network: Network) => T,
): Record<string, T> {
  return Object.fromEntries(networks.map((network) => [`${network.name}_${suffix}`, field(network)]));
}

export function idFields(networks: readonly Network[]) {
  return networkFields(networks, 'id', ({ name }) =>
    z.string().max(4096).optional().describe(`Her id on ${name}`),
  );
}

/** The accounts named in a body by their `<network>_id`, canonical. Throws `bad_parameter`. */
export function readIds(body: Readonly<Record<string, unknown>>, networks: readonly Network[]): Address[] {
  return networks.flatMap((network) => {
    const field = `${network.name}_id`;
    const text = body[field];
    if (typeof text !== 'string') return [];
    const id = network.parseId(text);
    if (id === null) throw new BridgeError('bad_parameter', `${field}: not an id of ${network.name}`);
    return [{ network: network.name, id }];
  });
}

/** Text without lone surrogates, which no network could pass on. */
export const wellFormed = z.string().refine((text) => text.isWellFormed(), 'holds a lone surrogate');

export const profileFields = {
  display_name: wellFormed.min(1).max(256).nullish().describe('At most 256 characters'),
  avatar_url: wellFormed.min(1).max(2048).nullish().describe('At most 2,048 characters'),
  visibility: z.enum(VISIBILITIES).optional().describe('Who may see her presence'),
};

export function personSchema(networks: readonly Network[]) {
  return z
    .object({
      id: z.string(),
      ...networkFields(networks, 'id', ({ name }) => z.string().describe(`Her id or stand-in on ${name}`)),
      linked: z.boolean().describe('Whether she has an account on every network'),
      stand_ins: z.array(z.string()).describe('The networks where the id is a stand-in'),
      display_name: z.string().nullable(),
      avatar_url: z.string().nullable(),
      visibility: z.enum(VISIBILITIES),
      created_at: z.number().int().describe('Milliseconds since 1970'),
    })
    .meta({ title: 'Person' });
}

export function encodePerson(person: Person, networks: readonly Network[]) {
  const standIns = networks.filter(({ name }) => !ownAddress(person, name)).map(({ name }) => name);
  return {
    id: person.id,
    ...Object.fromEntries(networks.map((network) => [`${network.name}_id`, idOn(person, network)])),
    linked: standIns.length === 0,
    stand_ins: standIns,
    display_name: person.displayName,
    avatar_url: person.avatarUrl,
    visibility: person.visibility,
    created_at: person.createdAt,
  };
}

export const personIdParams = z.object({ id: z.string().describe('Id of a person') });

/** A person by her own id here, or by any id that leads to her on a network. Throws `not_found`. */
export async function findPerson(
  people: People,
  networks: readonly Network[],
  text: string,
): Promise<Person> {
  for (const network of networks) {
    const id = network.parseId(text);
    const person = id === null ? null : await people.find({ network: network.name, id });
    if (person) return person;
  }
  return people.get(text as PersonId);
}

/** Somebody as another user may know her. */
export function acquaintanceSchema(networks: readonly Network[]) {
  return personSchema(networks)
    .omit({ id: true, visibility: true, created_at: true, linked: true, stand_ins: true })
    .meta({ title: 'Acquaintance' });
}

export function encodeAcquaintance(person: Person, networks: readonly Network[]) {
  return {
    ...Object.fromEntries(networks.map((network) => [`${network.name}_id`, idOn(person, network)])),
    display_name: person.displayName,
    avatar_url: person.avatarUrl,
  };
}

export const anyIdParams = z.object({ id: z.string().describe('An id on any network') });

/** The address that an id is: of somebody where there is one, else of nobody yet. Throws `bad_parameter`. */
export async function addressOf(
  people: Pick<People, 'find'>,
  networks: readonly Network[],
  text: string,
): Promise<Address> {
  const possible = networks.flatMap((network): Address[] => {
    const id = network.parseId(text);
    return id === null ? [] : [{ network: network.name, id }];
  });
  for (const address of possible) if (await people.find(address)) return address;
  const [first] = possible;
  if (!first) throw new BridgeError('bad_parameter', 'id: not an id of any network');
  return first;
}

export function networkName(networks: readonly Network[]) {
  return z.enum(networks.map(({ name }): string => name));
}

import type { Command } from 'commander';
import { Option } from 'commander';
import { z } from 'zod';
import { NETWORKS } from '../app.ts';
import { VISIBILITIES } from '../presence/identity.ts';
import type { BridgeOptions } from './bridge-api.ts';
import { bridgeApi } from './bridge-api.ts';
import { count, idsOf, withBridge, withIds } from './options.ts';
import { print, table, time } from './output.ts';

/** A person as the operator API has her; what else it says is passed on. */
export const personBody = z.looseObject({
  id: z.string(),
  stand_ins: z.array(z.string()),
  display_name: z.string().nullable(),
  visibility: z.string(),
  created_at: z.number(),
});
export type PersonBody = z.output<typeof personBody>;
const pageBody = z.object({ people: z.array(personBody), next_cursor: z.string().nullable() });

/** People asked for at a time. */
const PAGE = 500;

interface AddOptions extends BridgeOptions {
  readonly name?: string;
  readonly avatar?: string;
  readonly visibility?: string;
}

/** `user add|show|list`. */
export function userCommands(program: Command): void {
  const user = program.command('user').description('people');
  withBridge(withIds(user.command('add').description('make a person of one account or two')))
    .option('--name <text>', 'her display name')
    .option('--avatar <url>', 'her picture')
    .addOption(new Option('--visibility <who>', 'who may see her presence').choices(VISIBILITIES))
    .action(add);
  withBridge(user.command('show <person>').description('one person, by any id of hers')).action(show);
  withBridge(user.command('list').description('everybody'))
    .option('--limit <count>', 'the most to list', count)
    .action(list);
}

async function add(options: AddOptions): Promise<void> {
  const { name, avatar, visibility } = options;
  const body = {
    ...idsOf(options),
    ...(name !== undefined && { display_name: name }),
    ...(avatar !== undefined && { avatar_url: avatar }),
    ...(visibility !== undefined && { visibility }),
  };
  const person = personBody.parse(await bridgeApi(options).call('POST', '/bridge/v1/people', body));
  print(person, options.json, () => personLines(person));
}

async function show(id: string, options: BridgeOptions): Promise<void> {
  const path = `/bridge/v1/people/${encodeURIComponent(id)}`;
  const person = personBody.parse(await bridgeApi(options).call('GET', path));
  print(person, options.json, () => personLines(person));
}

async function list(options: BridgeOptions & { readonly limit?: number }): Promise<void> {
  const { limit = Infinity } = options;
  const api = bridgeApi(options);
  const people: PersonBody[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: String(Math.min(PAGE, limit - people.length)) });
    if (cursor !== null) query.set('cursor', cursor);
    const page = pageBody.parse(await api.call('GET', `/bridge/v1/people?${query.toString()}`));
    people.push(...page.people);
    cursor = page.next_cursor;
  } while (cursor !== null && people.length < limit);
  print(people, options.json, () =>
    table([
      ['id', ...NETWORKS, 'name', 'visibility'],
      ...people.map((each) => [
        each.id,
        ...NETWORKS.map((network) => idOn(each, network)),
        each.display_name ?? '',
        each.visibility,
      ]),
    ]),
  );
}

/** Her id there; a stand-in in brackets. */
function idOn(person: PersonBody, network: string): string {
  const id = String(person[`${network}_id`]);
  return person.stand_ins.includes(network) ? `(${id})` : id;
}

export function personLines(person: PersonBody): string[] {
  return table([
    ['id', person.id],
    ...NETWORKS.map((network) => [network, idOn(person, network)]),
    ['name', person.display_name ?? ''],
    ['visibility', person.visibility],
    ['since', time(person.created_at)],
  ]);
}

import type { Command } from 'commander';
import { z } from 'zod';
import type { BridgeOptions } from './bridge-api.ts';
import { bridgeApi } from './bridge-api.ts';
import { idsOf, withBridge, withIds } from './options.ts';
import { print } from './output.ts';
import { personBody, personLines } from './user.ts';

const splitBody = z.object({ people: z.array(personBody) });

/** `link` and `unlink`. */
export function linkCommands(program: Command): void {
  withBridge(withIds(program.command('link').description('make two accounts one person'))).action(link);
  withBridge(
    program.command('unlink <person>').description('give each of her accounts its own person again'),
  ).action(unlink);
}

async function link(options: BridgeOptions): Promise<void> {
  const person = personBody.parse(await bridgeApi(options).call('POST', '/bridge/v1/links', idsOf(options)));
  print(person, options.json, () => personLines(person));
}

async function unlink(person: string, options: BridgeOptions): Promise<void> {
  const path = `/bridge/v1/links/${encodeURIComponent(person)}`;
  const { people } = splitBody.parse(await bridgeApi(options).call('DELETE', path));
  print(people, options.json, () =>
    people.flatMap((each, index) => [...(index > 0 ? [''] : []), ...personLines(each)]),
  );
}

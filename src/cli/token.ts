import type { Command } from 'commander';
import { Option } from 'commander';
import { z } from 'zod';
import { NETWORKS } from '../app.ts';
import type { BridgeOptions } from './bridge-api.ts';
import { bridgeApi } from './bridge-api.ts';
import { withBridge } from './options.ts';
import { print } from './output.ts';
import { UsageError } from './usage-error.ts';

const issued = z.object({
  token: z.string(),
  token_id: z.string(),
  network: z.string(),
  device_id: z.string(),
});

interface NewOptions extends BridgeOptions {
  readonly network: string;
  readonly device?: string;
}

/** `token new|revoke`. */
export function tokenCommands(program: Command): void {
  const token = program.command('token').description('tokens that the bridge hands out');
  const network = new Option('--network <name>', 'for the API of which network').choices(NETWORKS);
  withBridge(token.command('new <person>').description('make a token; it is shown once'))
    .addOption(network.makeOptionMandatory())
    .option('--device <id>', 'for this device; one is made up if absent')
    .action(make);
  withBridge(
    token.command('revoke <person> [token]').description('end a token, named by its text or id; at once'),
  )
    .option('--all', 'end all of hers')
    .action(revoke);
}

async function make(person: string, options: NewOptions): Promise<void> {
  const { network, device } = options;
  const body = { network, ...(device !== undefined && { device_id: device }) };
  const made = issued.parse(await bridgeApi(options).call('POST', pathOf(person), body));
  print(made, options.json, () => [made.token]);
}

async function revoke(
  person: string,
  token: string | undefined,
  options: BridgeOptions & { readonly all?: boolean },
): Promise<void> {
  if ((token === undefined) !== (options.all ?? false)) throw new UsageError('Name one token, or say --all.');
  // In the body, where no log of requests has it.
  await bridgeApi(options).call('DELETE', pathOf(person), token === undefined ? {} : { token });
  print({ revoked: true }, options.json, () => ['Revoked.']);
}

function pathOf(person: string): string {
  return `/bridge/v1/people/${encodeURIComponent(person)}/tokens`;
}

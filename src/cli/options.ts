import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { NETWORKS } from '../app.ts';

/** `--config`, of every command that reads settings. */
export function withConfig(command: Command): Command {
  return command.addOption(new Option('-c, --config <file>', 'settings, as YAML'));
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON');
}

/** The options of every command that calls a running bridge. */
export function withBridge(command: Command): Command {
  return withJson(
    withConfig(command)
      .option('--url <url>', 'where the bridge is; by default where the settings say that it listens')
      .option(
        '--token-file <file>',
        'a file with the operator token; by default operator.token of the settings',
      ),
  );
}

/** An id on each network, by the network's name. */
export function withIds(command: Command): Command {
  for (const name of NETWORKS) command.option(`--${name} <id>`, `her id on ${name}`);
  return command;
}

/** The ids among the options, as the operator API names them. */
export function idsOf(options: object): Record<string, string> {
  const given = new Map<string, unknown>(Object.entries(options));
  return Object.fromEntries(
    NETWORKS.flatMap((name) => {
      const id = given.get(name);
      return typeof id === 'string' ? [[`${name}_id`, id]] : [];
    }),
  );
}

export function count(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

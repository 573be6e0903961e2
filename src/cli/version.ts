import type { Command } from 'commander';
import { VERSION } from '../version.ts';
import { withJson } from './options.ts';
import { print } from './output.ts';

/** `version`. */
export function versionCommand(program: Command): void {
  withJson(program.command('version').description('the version of the program')).action(version);
}

function version({ json }: { readonly json?: boolean }): void {
  const versions = { plexibridge: VERSION, node: process.versions.node };
  print(versions, json, () => [`plexibridge ${versions.plexibridge} on Node ${versions.node}`]);
}

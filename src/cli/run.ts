import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { VERSION } from '../version.ts';
import { auditCommand } from './audit.ts';
import { backup } from './backup.ts';
import { checkConfig, printExample, printSchema, printTable } from './config.ts';
import { shieldIds, unshield } from './dashed-ids.ts';
import { doctorCommand } from './doctor.ts';
import { linkCommands } from './link.ts';
import { reasonOf } from './logger.ts';
import { migrate, STORE_KINDS } from './migrate.ts';
import { move, printShards } from './shards.ts';
import { withConfig, withJson } from './options.ts';
import { checkRegistrationFile, generateRegistration } from './registration.ts';
import { restore } from './restore.ts';
import { serve } from './serve.ts';
import { tokenCommands } from './token.ts';
import { UsageError } from './usage-error.ts';
import { userCommands } from './user.ts';
import { versionCommand } from './version.ts';
import { whyCommand } from './why.ts';

const EXIT_CODES = `
Exit codes: 0 done, 1 refused or failed, 2 wrong usage. The reason is on standard error.`;

/**
 * Runs the command line. Exit codes: 0 done, 1 refused or failed, 2 wrong usage; the reason of the latter two is on standard
 * error.
 */
export async function run(argv: readonly string[]): Promise<void> {
  try {
    await commandLine().parseAsync(shieldIds(argv));
  } catch (error) {
    if (error instanceof CommanderError) {
      // It has said so itself; help that was asked for is no error.
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    process.stderr.write(`${reasonOf(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

function atLeastOne(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError('It must be a whole number from 1 on.');
}

function commandLine(): Command {
  const program = new Command('plexibridge')
    .description('One presence per person, served to both networks')
    .version(VERSION, '-V, --version')
    .addHelpText('after', EXIT_CODES)
    .hook('preAction', (_program, command) => unshield(command))
    .exitOverride();

  withConfig(program.command('serve', { isDefault: true }).description('run the bridge'))
    .addOption(
      new Option('-w, --workers <number>', 'processes behind the one port, over PostgreSQL')
        .argParser(atLeastOne)
        .default(1),
    )
    .action(serve);
  storeCommands(program);
  migrateCommand(program);
  shardsCommands(program);
  configCommands(program);
  registrationCommands(program);
  userCommands(program);
  tokenCommands(program);
  linkCommands(program);
  whyCommand(program);
  auditCommand(program);
  doctorCommand(program);
  versionCommand(program);
  return program;
}

function storeCommands(program: Command): void {
  const commands = [
    program
      .command('backup <file>')
      .description('copy the store to one file, also while the bridge runs')
      .action(backup),
    program
      .command('restore <file>')
      .description('make the store anew of a backup; the data folder must be empty')
      .action(restore),
  ];
  for (const command of commands) withJson(withConfig(command));
}

function migrateCommand(program: Command): void {
  const kind = (flags: string, description: string) =>
    new Option(flags, description).choices(STORE_KINDS).makeOptionMandatory();
  withConfig(
    program
      .command('migrate')
      .description('copy the store to an empty one of the other kind, while no bridge runs on either'),
  )
    .addOption(kind('--from <kind>', 'what is copied'))
    .addOption(kind('--to <kind>', 'where to'))
    .option(
      '--sqlite <folder>',
      'the data folder; by default store.path of the settings, which name store.shards',
    )
    .action(migrate);
}

function shardsCommands(program: Command): void {
  const shards = program.command('shards').description('the shards of a store over PostgreSQL');
  withConfig(
    shards
      .command('list', { isDefault: true })
      .description('which primary has which shards, and how many records'),
  ).action(printShards);
  withConfig(
    shards
      .command('move <range>')
      .description('move shards such as 0-15,40 to another primary, while the bridge runs')
      .requiredOption('--to <primary>', 'its number in the list, or host/database'),
  ).action(move);
}

function configCommands(program: Command): void {
  const config = program.command('config').description('look at settings');
  withConfig(config.command('check').description('check the settings')).action(checkConfig);
  config.command('example').description('print every setting with its default').action(printExample);
  config.command('table').description('print every setting as a Markdown table').action(printTable);
  config.command('schema').description('print the JSON schema of the settings').action(printSchema);
}

function registrationCommands(program: Command): void {
  const registration = program
    .command('registration')
    .description('the file by which a homeserver knows the bridge as its application service');
  withConfig(registration.command('generate').description('make the file, with new tokens'))
    .option('--url <url>', 'where the homeserver reaches the bridge; by default where it listens')
    .option('--out <file>', 'where to write it; by default where the settings say')
    .option('--force', 'replace a file that is there, and its tokens')
    .action(generateRegistration);
  withConfig(
    registration
      .command('check')
      .description('check the file against what homeservers and the settings demand'),
  ).action(checkRegistrationFile);
}

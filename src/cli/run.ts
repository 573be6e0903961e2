import { Command, Option } from 'commander';
import { VERSION } from '../version.ts';
import { backup } from './backup.ts';
import { checkConfig, printExample, printSchema } from './config.ts';
import { reasonOf } from './logger.ts';
import { migrate, STORE_KINDS } from './migrate.ts';
import { checkRegistrationFile, generateRegistration } from './registration.ts';
import { restore } from './restore.ts';
import { serve } from './serve.ts';
import { move, printShards } from './shards.ts';

/** Runs the command line. Exit codes: 0 done, 1 refused or failed, with the reason on standard error. */
export async function run(argv: readonly string[]): Promise<void> {
  const configFile = new Option('-c, --config <file>', 'settings, as YAML');
  const program = new Command('plexibridge')
    .description('One presence per person, served to both networks')
    .version(VERSION, '-V, --version');

  program
    .command('serve', { isDefault: true })
    .description('run the bridge')
    .addOption(configFile)
    .action(serve);
  program
    .command('backup <file>')
    .description('copy the store to one file, also while the bridge runs')
    .addOption(configFile)
    .action(backup);
  program
    .command('restore <file>')
    .description('make the store anew of a backup; the data folder must be empty')
    .addOption(configFile)
    .action(restore);

  addMigrate(program, configFile);
  addShards(program, configFile);

  const config = program.command('config').description('look at settings');
  config.command('check').description('check the settings').addOption(configFile).action(checkConfig);
  config.command('example').description('print every setting with its default').action(printExample);
  config.command('schema').description('print the JSON schema of the settings').action(printSchema);
  addRegistration(program, configFile);

  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.stderr.write(`${reasonOf(error)}\n`);
    process.exitCode = 1;
  }
}

function addMigrate(program: Command, configFile: Option): void {
  const kind = (flags: string, description: string) =>
    new Option(flags, description).choices(STORE_KINDS).makeOptionMandatory();
  program
    .command('migrate')
    .description('copy the store to an empty one of the other kind, while no bridge runs on either')
    .addOption(kind('--from <kind>', 'what is copied'))
    .addOption(kind('--to <kind>', 'where to'))
    .addOption(configFile)
    .option(
      '--sqlite <folder>',
      'the data folder; by default store.path of the settings, which name store.shards',
    )
    .action(migrate);
}

function addShards(program: Command, configFile: Option): void {
  const shards = program.command('shards').description('the shards of a store over PostgreSQL');
  shards
    .command('list', { isDefault: true })
    .description('which primary has which shards, and how many records')
    .addOption(configFile)
    .action(printShards);
  shards
    .command('move <range>')
    .description('move shards such as 0-15,40 to another primary, while the bridge runs')
    .requiredOption('--to <primary>', 'its number in the list, or host/database')
    .addOption(configFile)
    .action(move);
}

function addRegistration(program: Command, configFile: Option): void {
  const registration = program
    .command('registration')
    .description('the file by which a homeserver knows the bridge as its application service');
  registration
    .command('generate')
    .description('make the file, with new tokens')
    .addOption(configFile)
    .option('--url <url>', 'where the homeserver reaches the bridge; by default where it listens')
    .option('--out <file>', 'where to write it; by default where the settings say')
    .option('--force', 'replace a file that is there, and its tokens')
    .action(generateRegistration);
  registration
    .command('check')
    .description('check the file against what homeservers and the settings demand')
    .addOption(configFile)
    .action(checkRegistrationFile);
}

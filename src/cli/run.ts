import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { auditCommand } from './audit.ts';
import { backup } from './backup.ts';
import { checkConfig, printExample, printSchema } from './config.ts';
import { doctorCommand } from './doctor.ts';
import { linkCommands } from './link.ts';
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
    await commandLine().parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      // It has said so itself; help that was asked for is no error.
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

function commandLine(): Command {
  const program = new Command('plexibridge')
    .description('One presence per person, served to both networks')
    .version(VERSION, '-V, --version')
    .addHelpText('after', EXIT_CODES)
    .exitOverride();

  withConfig(program.command('serve', { isDefault: true }).description('run the bridge')).action(serve);
  storeCommands(program);
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

function configCommands(program: Command): void {
  const config = program.command('config').description('look at settings');
  withConfig(config.command('check').description('check the settings')).action(checkConfig);
  config.command('example').description('print every setting with its default').action(printExample);
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

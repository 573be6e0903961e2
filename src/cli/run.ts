import { Command, Option } from 'commander';
import { VERSION } from '../version.ts';
import { backup } from './backup.ts';
import { checkConfig, printExample, printSchema } from './config.ts';
import { restore } from './restore.ts';
import { serve } from './serve.ts';

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

  const config = program.command('config').description('look at settings');
  config.command('check').description('check the settings').addOption(configFile).action(checkConfig);
  config.command('example').description('print every setting with its default').action(printExample);
  config.command('schema').description('print the JSON schema of the settings').action(printSchema);

  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { targetOf } from './plexichat/target.ts';
import { install } from './synapse/install.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VITEST = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'config/dev/vitest.interop.config.ts'];

/** The exit code of the tests in a folder of this one. */
function test(folder: string, env: NodeJS.ProcessEnv = {}): number {
  const { status } = spawnSync(process.execPath, [...VITEST, `test/interop/${folder}/`], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: 'inherit',
  });
  return status ?? 1;
}

/** Beside the Plexichat server that `--plexichat` names, else beside a Synapse of our own. */
async function run(args: string[]): Promise<number> {
  const { plexichat } = parseArgs({ args, options: { plexichat: { type: 'string' } } }).values;
  if (plexichat !== undefined) {
    return test('plexichat', { PLEXICHAT_URL: targetOf(plexichat, process.env).url });
  }
  await install();
  return test('synapse');
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

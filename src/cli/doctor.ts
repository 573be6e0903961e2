import type { Command } from 'commander';
import type { Settings } from '../app.ts';
import { openDoctor } from '../app.ts';
import type { Check, Finding, NamedFinding } from '../connectors/check.ts';
import { fail, ok, runChecks, skipped, warn } from '../connectors/check.ts';
import { ConfigError } from '../config/load.ts';
import { systemClock } from '../presence/clock.ts';
import { checkPrimary } from '../stores/postgres/primary-check.ts';
import { checkFolder } from '../stores/store-check.ts';
import type { BridgeOptions } from './bridge-api.ts';
import { baseOf, operatorToken, TOKEN_ADVICE } from './bridge-api.ts';
import { withBridge } from './options.ts';
import type { FoundBridge } from './running-bridge.ts';
import { findBridge } from './running-bridge.ts';
import { readSettings } from './settings.ts';

interface DoctorOptions extends BridgeOptions {
  readonly deep?: boolean;
}

const STORE_ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'Let the user that runs the bridge write there (chown), or set store.path to another folder.',
  EPERM: 'Let the user that runs the bridge write there (chown), or set store.path to another folder.',
  EROFS: 'The disk is mounted read-only: mount it for writing, or set store.path to another folder.',
  ENOSPC: 'Make room on the disk; writes are taken again by themselves.',
  EDQUOT: 'Make room within the quota; writes are taken again by themselves.',
  ENOTDIR: 'It is no folder: set store.path to one.',
};

/** `doctor`. */
export function doctorCommand(program: Command): void {
  withBridge(program.command('doctor').description('find what is wrong with a setup, and say what to do'))
    .option('--deep', 'also what others see: the account of the bridge goes online and offline again')
    .action(doctor);
}

/** Prints each finding as it comes; exit code 1 when one of them is a failure. */
async function doctor(options: DoctorOptions): Promise<void> {
  const findings: NamedFinding[] = [];
  for await (const finding of examine(options)) {
    findings.push(finding);
    if (!options.json) process.stdout.write(lines(finding));
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ checks: findings }, null, 2)}\n`);
  if (findings.some(({ verdict }) => verdict === 'fail')) process.exitCode = 1;
}

async function* examine(options: DoctorOptions): AsyncGenerator<NamedFinding> {
  const settings = tryReadSettings(options);
  if (settings instanceof ConfigError) {
    yield { check: 'config', ...fail(settings.message, 'Mend each of these; nothing else was looked at.') };
    return;
  }
  yield { check: 'config', ...ok('the settings are good') };
  const base = baseOf(settings, options);
  const token = operatorToken(settings, options.tokenFile);
  const found = await findBridge(base, token?.text ?? null);
  const bridge = found?.bridge ?? null;
  const servers = openDoctor({ settings, clock: systemClock, bridge, deep: options.deep ?? false });
  const here: Check[] = [
    { name: 'store', needs: [], run: () => storeFinding(settings, found) },
    {
      name: 'bridge',
      needs: [],
      run: () => Promise.resolve(bridgeFinding(base, found, token?.source ?? '')),
    },
  ];
  try {
    yield* runChecks([...here, ...servers.checks]);
  } finally {
    await servers.close();
  }
}

function tryReadSettings(options: DoctorOptions): Settings | ConfigError {
  try {
    return readSettings(options);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

async function storeFinding({ store }: Settings, found: FoundBridge | null): Promise<Finding> {
  const finding = store.kind === 'sqlite' ? folderFinding(store.path) : await primariesFinding(store.shards);
  if (finding.verdict !== 'fail' && found && !found.isReady) {
    return fail('the running bridge says that its store does not answer', 'Look at its log, and restart it.');
  }
  return finding;
}

function folderFinding(path: string): Finding {
  const problem = checkFolder(path);
  if (!problem) return ok(`what is written in ${path} is on the disk`);
  const advice = STORE_ADVICE[problem.code] ?? 'Look at the disk, or set store.path to another folder.';
  return fail(`nothing can be written and synced in ${problem.folder} (${problem.code})`, advice);
}

/** Of the first primary that is not as it should be, or else of all. */
async function primariesFinding(urls: readonly string[]): Promise<Finding> {
  const checks = await Promise.all(urls.map((url) => checkPrimary(url, urls.length > 1)));
  for (const { place, refused } of checks) {
    if (refused) return fail(`${place}: ${refused.problem}`, refused.advice);
  }
  const warnings = checks.flatMap((check) => check.warnings);
  if (warnings.length > 0) return warn(warnings.join('; '), 'Set it to on, unless you can bear that.');
  return ok(`${checks.map(({ place }) => place).join(', ')}: takes writes, and commits them`);
}

function bridgeFinding(base: string, found: FoundBridge | null, source: string): Finding {
  if (!found) {
    return skipped(
      `no bridge runs at ${base}`,
      'Start it and run doctor again, to see also what needs both.',
    );
  }
  if (found.token === 'refused') {
    return fail(`the bridge at ${base} does not take the operator token of ${source}`, TOKEN_ADVICE);
  }
  return ok(`the bridge at ${base} runs${found.token === 'taken' ? ', and takes the operator token' : ''}`);
}

function lines({ check, verdict, found, advice }: NamedFinding): string {
  const head = `${verdict.padEnd(7)} ${check}: ${found.replaceAll('\n', '\n        ')}\n`;
  return advice === null ? head : `${head}        → ${advice}\n`;
}

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { settingsSchema } from '../../src/app.ts';
import { readEnvironment } from '../../src/config/environment.ts';
import { settingsOf } from '../../src/config/settings.ts';
import { readDeployFile, ROOT } from './files.ts';
import { withProgram } from './with-program.ts';

const unit = readDeployFile('plexibridge.service');

/** All values of a directive, in order. */
function values(directive: string): string[] {
  return [...unit.matchAll(new RegExp(`^${directive}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

describe('plexibridge.service', () => {
  it('leaves more time for the end than the bridge takes', () => {
    const serve = readFileSync(join(ROOT, 'src/cli/serve.ts'), 'utf8');
    const shutdown = Number(/SHUTDOWN_MS = ([\d_]+)/.exec(serve)?.[1]?.replaceAll('_', '')) / 1000;
    expect(shutdown).toBeGreaterThan(0);
    expect(Number(values('TimeoutStopSec')[0])).toBeGreaterThan(shutdown);
  });

  it('sets only what the settings know, and gives the token as a file', () => {
    const env = Object.fromEntries(values('Environment').map((each) => each.split('=') as [string, string]));
    expect(env['PLEXIBRIDGE__OPERATOR__TOKEN_FILE']).toBe('%d/operator-token');
    expect(values('LoadCredential').map((each) => each.split(':')[0])).toContain('operator-token');
    const { NODE_ENV: mode, ...own } = env;
    expect(mode).toBe('production');
    const { problems } = readEnvironment(settingsOf(settingsSchema), own);
    expect(problems.filter((problem) => !problem.includes('the file it names cannot be read'))).toEqual([]);
    expect(own['PLEXIBRIDGE__STORE__PATH']?.startsWith('/var/lib/plexibridge/')).toBe(true);
    expect(values('StateDirectory')).toEqual(['plexibridge']);
  });
});

withProgram('systemd-analyze', '--version', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plexibridge-unit-'));
  const file = join(folder, 'plexibridge.service');
  // The program need not be installed where the tests run.
  writeFileSync(file, unit.replaceAll('/usr/bin/node', process.execPath));
  afterAll(() => rmSync(folder, { recursive: true }));

  const analyze = (...args: string[]) =>
    execFileSync('systemd-analyze', [...args, file], { encoding: 'utf8', stdio: 'pipe' });

  it('finds nothing wrong with it', () => {
    expect(analyze('verify', '--man=no', '--recursive-errors=no')).toBe('');
  });

  it('finds it hardened: exposed by no more than 1.5 of 10', () => {
    const report = analyze('security', '--no-pager', '--offline=true', '--threshold=15');
    expect(report).toMatch(/Overall exposure level for plexibridge\.service: [01]\.\d/);
  });
});

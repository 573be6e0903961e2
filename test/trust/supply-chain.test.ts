import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** `AUDIT=required npm test` fails where the registry answers no audits. */
const REQUIRED = process.env['AUDIT'] === 'required';
/** How long the registry may take, ms. */
const AUDIT_MS = 20_000;

interface Package {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const read = (name: string) => JSON.parse(readFileSync(`${ROOT}/${name}`, 'utf8')) as unknown;
const manifest = read('package.json') as Required<Pick<Package, 'dependencies' | 'devDependencies'>>;
const { '': root, ...locked } = (read('package-lock.json') as { packages: Record<string, Package> }).packages;
const nameOf = (place: string) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);

/**
 * Packages that run something when they are installed, and what. None of those that the bridge runs on downloads anything:
 * with `npm ci --ignore-scripts` it works as well.
 */
const SCRIPTS: Readonly<Record<string, { readonly dev: boolean; readonly what: string }>> = {
  '@photostructure/sqlite': { dev: false, what: 'looks whether the binary in the package fits' },
  esbuild: { dev: true, what: 'looks whether the binary of its package for this machine fits' },
  fsevents: { dev: true, what: 'is for macOS, and its binary is in the package' },
};
/** Licences that let anybody use, change and pass on what is under them, for as long as they are named. */
const PERMISSIVE = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  '0BSD',
]);

describe('what the bridge is made of', () => {
  it('is named by exact versions, and the lock agrees', () => {
    const named = { ...manifest.dependencies, ...manifest.devDependencies };
    for (const [name, version] of Object.entries(named)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
      expect(locked[`node_modules/${name}`]?.version, name).toBe(version);
    }
    expect(root?.dependencies).toEqual(manifest.dependencies);
    expect(root?.devDependencies).toEqual(manifest.devDependencies);
  });

  it('is locked with a checksum, and comes from a registry', () => {
    for (const [place, { integrity, resolved }] of Object.entries(locked)) {
      expect(integrity, place).toMatch(/^sha512-/);
      expect(resolved ?? 'https://', place).toMatch(/^https:\/\//);
    }
  });

  it('runs nothing when it is installed, but for what is known', () => {
    const running = Object.entries(locked).filter(([, { hasInstallScript }]) => hasInstallScript);
    for (const [place, { dev = false }] of running) {
      expect(SCRIPTS[nameOf(place)], place).toMatchObject({ dev });
    }
    const { scripts } = read('package.json') as { scripts: Record<string, string> };
    for (const hook of ['preinstall', 'install', 'postinstall', 'prepare'])
      expect(scripts).not.toHaveProperty(hook);
  });

  it('may be passed on', () => {
    const production = Object.entries(locked).filter(([, { dev }]) => dev !== true);
    expect(production.length).toBeGreaterThan(Object.keys(manifest.dependencies).length);
    const others = production.filter(([, { license = 'none' }]) => !PERMISSIVE.has(license));
    expect(others.map(([place, { license }]) => `${nameOf(place)}: ${license}`)).toEqual([]);
  });

  it('has no fault that the registry knows of', async (context) => {
    const { code, out } = await audit();
    const report = parse(out);
    if (report?.vulnerabilities === undefined) {
      const why = 'NOT CHECKED for known faults: the registry answers no `npm audit`';
      if (REQUIRED) throw new Error(why);
      console.warn(why);
      context.skip(why);
      return;
    }
    expect(Object.keys(report.vulnerabilities)).toEqual([]);
    expect(code).toBe(0);
  }, 60_000);
});

function audit(): Promise<{ code: number; out: string }> {
  const args = ['audit', '--omit=dev', '--json', '--fetch-retries=0'];
  return new Promise((resolve) => {
    execFile('npm', args, { cwd: ROOT, timeout: AUDIT_MS }, (error, out) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out });
    });
  });
}

function parse(text: string): { vulnerabilities?: object } | null {
  try {
    return JSON.parse(text) as { vulnerabilities?: object };
  } catch {
    return null;
  }
}

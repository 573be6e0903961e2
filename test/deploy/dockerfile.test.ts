import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settingsSchema } from '../../src/app.ts';
import { readEnvironment } from '../../src/config/environment.ts';
import { settingsOf } from '../../src/config/settings.ts';
import { runBridge } from '../helpers/process.ts';
import { copies, environmentOf, execForm, stages } from './dockerfile.ts';
import { ROOT } from './files.ts';

const [build, final] = stages();
if (!build || !final) throw new Error('the Dockerfile has two stages');

const run = promisify(execFile);

describe('the Dockerfile', () => {
  it('builds on the Node that the tests run on, with the libc that the store has a binary for', () => {
    const ours = `node:${process.version.slice(1)}-bookworm-slim`;
    const major = /^node:(\d+)\.\d+\.\d+-bookworm-slim$/;
    expect([build.base, final.base]).toEqual([final.base, build.base]);
    expect(build.base).toMatch(major);
    if (process.version.startsWith('v20.')) expect(build.base).toBe(ours);
    const prebuilt = join(ROOT, 'node_modules/@photostructure/sqlite/prebuilds');
    for (const platform of ['linux-x64', 'linux-arm64']) {
      expect(existsSync(join(prebuilt, platform, '@photostructure+sqlite.glibc.node'))).toBe(true);
    }
  });

  it('runs as nobody in particular, keeps its data in a volume, and hears SIGTERM itself', () => {
    const words = final.instructions.map(({ word, rest }) => `${word} ${rest}`);
    expect(words).toContain('USER node');
    expect(words).toContain('VOLUME /data');
    expect(words.indexOf('USER node')).toBeLessThan(words.indexOf('ENTRYPOINT ["node", "dist/main.js"]'));
    expect([...execForm(final, 'ENTRYPOINT'), ...execForm(final, 'CMD')]).toEqual([
      'node',
      'dist/main.js',
      'serve',
    ]);
  });

  it('sets only what the settings know', () => {
    const { NODE_ENV, ...settings } = environmentOf(final);
    expect(NODE_ENV).toBe('production');
    expect(Object.keys(settings)).toHaveLength(3);
    expect(readEnvironment(settingsOf(settingsSchema), settings).problems).toEqual([]);
  });

  it('copies what is there, and .dockerignore lets in nothing else', () => {
    const wanted = [build, final].flatMap(copies).filter(({ from }) => from === null);
    const sources = wanted.flatMap((copy) => copy.sources);
    expect(sources).toEqual([
      'package.json',
      'package-lock.json',
      'tsconfig.json',
      'config',
      'src',
      'LICENSE',
    ]);
    for (const source of sources) expect(existsSync(join(ROOT, source))).toBe(true);
    const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => /^[^#]/.test(line));
    expect(ignored[0]).toBe('*');
    const let_in = ignored.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(let_in.sort()).toEqual([...sources].sort());
  });

  it('asks the running bridge whether it is well', async () => {
    const [program = '', ...args] = execForm(final, 'HEALTHCHECK');
    expect(program).toBe('node');
    const folder = mkdtempSync(join(tmpdir(), 'plexibridge-health-'));
    const bridge = await runBridge(folder);
    const env = { PATH: process.env['PATH'], PLEXIBRIDGE__LISTEN__PORT: new URL(bridge.url).port };
    await expect(run(process.execPath, args, { env })).resolves.toBeDefined();
    await bridge.end('SIGTERM');
    rmSync(folder, { recursive: true });
    await expect(run(process.execPath, args, { env })).rejects.toMatchObject({ code: 1 });
  });
});

describe('what its commands make', () => {
  const work = mkdtempSync(join(tmpdir(), 'plexibridge-image-'));
  const app = join(work, 'app');
  const image = join(work, 'image');

  beforeAll(() => {
    // The stages as they stand, each instruction in its turn, in folders instead of images.
    for (const { word, rest } of build.instructions) {
      if (word === 'RUN') execFileSync('sh', ['-ec', rest], { cwd: app, stdio: 'pipe' });
      if (word !== 'COPY') continue;
      for (const { sources, to } of copies({ ...build, instructions: [{ word, rest }] })) {
        for (const source of sources) {
          const target = to === './' ? join(app, source) : join(app, to);
          cpSync(join(ROOT, source), target, { recursive: true });
        }
      }
    }
    for (const { from, sources, to } of copies(final)) {
      for (const source of sources) {
        const origin = from === null ? join(ROOT, source) : join(app, source.replace('/app/', ''));
        const name = source.split('/').at(-1) ?? '';
        cpSync(origin, to === './' ? join(image, name) : join(image, to), {
          recursive: true,
          verbatimSymlinks: true,
        });
      }
    }
  }, 300_000);
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  it('has nothing of development', () => {
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(join(image, 'package.json'), 'utf8'),
    ) as {
      dependencies: object;
      devDependencies: object;
    };
    for (const name of Object.keys(dependencies))
      expect(existsSync(join(image, 'node_modules', name))).toBe(true);
    const left = Object.keys(devDependencies).filter((name) => existsSync(join(image, 'node_modules', name)));
    // The validator is one of the server's own, too.
    expect(left).toEqual(['ajv']);
    expect(existsSync(join(image, 'src'))).toBe(false);
  });

  it('runs', async () => {
    const { stdout } = await run(process.execPath, ['dist/main.js', 'version'], { cwd: image });
    expect(stdout).toMatch(/plexibridge \d+\.\d+\.\d+/);
    const bridge = await runBridge(join(work, 'data'), {}, [], join(image, 'dist/main.js'));
    expect((await bridge.call('GET', '/readyz', '')).status).toBe(200);
    expect(await bridge.end('SIGTERM')).toBe(0);
  });
});

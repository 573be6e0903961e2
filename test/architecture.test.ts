import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** Folder or file → the only folders or files it may import, besides itself. `*` is any package. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  presence: [],
  'protocols/matrix': ['presence', '*'],
  'protocols/plexichat': ['presence', '*'],
  admission: ['presence', '*'],
  'surfaces/http': ['presence', 'metrics', '*'],
  'surfaces/matrix': ['presence', 'protocols/matrix', 'admission', 'surfaces/http', '*'],
  'surfaces/plexichat': ['presence', 'protocols/plexichat', 'admission', 'metrics', 'surfaces/http', '*'],
  'surfaces/bridge': ['presence', 'admission', 'metrics', 'surfaces/http', '*'],
  'surfaces/appservice': ['presence', 'protocols/matrix', 'admission', 'surfaces/http', '*'],
  metrics: ['*'],
  'connectors/matrix': ['presence', 'protocols/matrix', 'admission', 'connectors', '*'],
  'connectors/plexichat': ['presence', 'protocols/plexichat', 'admission', 'connectors', '*'],
  connectors: ['presence', 'metrics', '*'],
  stores: ['presence', 'admission', 'metrics', '*'],
  config: ['*'],
  'secrets.ts': ['presence', '*'],
  'version.ts': ['*'],
  'first-start.ts': ['presence'],
  'core.ts': ['presence', 'admission'],
  'app.ts': [
    'presence',
    'protocols/matrix',
    'protocols/plexichat',
    'admission',
    'surfaces/http',
    'surfaces/matrix',
    'surfaces/plexichat',
    'surfaces/bridge',
    'surfaces/appservice',
    'metrics',
    'connectors/matrix',
    'connectors/plexichat',
    'connectors',
    'stores',
    'config',
    'secrets.ts',
    'version.ts',
    'first-start.ts',
    'core.ts',
    '*',
  ],
  cli: [
    'app.ts',
    'metrics',
    'connectors/matrix',
    'connectors',
    'presence',
    'config',
    'stores',
    'secrets.ts',
    'version.ts',
    '*',
  ],
  'main.ts': ['cli'],
};

interface Source {
  readonly path: string;
  readonly code: string;
  readonly imports: readonly string[];
}

const sources: Source[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join(SRC, path), 'utf8');
    const imports = ts
      .preProcessFile(text)
      .importedFiles.map(({ fileName }) =>
        fileName.startsWith('.') ? relative(SRC, join(SRC, dirname(path), fileName)) : `*${fileName}`,
      );
    return { path, code: withoutComments(text), imports };
  });

function withoutComments(text: string): string {
  const compilerOptions = { removeComments: true, target: ts.ScriptTarget.ESNext };
  return ts.transpileModule(text, { compilerOptions }).outputText;
}

function unitOf(path: string): string {
  if (path.startsWith('*')) return '*';
  const unit = Object.keys(MAY_IMPORT).find((name) => path === name || path.startsWith(`${name}/`));
  return unit ?? `unknown: ${path}`;
}

describe('the architecture', () => {
  it('has read the sources', () => {
    expect(sources.length).toBeGreaterThan(40);
    expect(sources.find(({ path }) => path === 'app.ts')?.imports.length).toBeGreaterThan(10);
  });

  it.each(sources)('imports point down only: $path', ({ path, imports }) => {
    const unit = unitOf(path);
    const allowed = [unit, ...(MAY_IMPORT[unit] ?? [])];
    expect(imports.filter((imported) => !allowed.includes(unitOf(imported)))).toEqual([]);
  });

  it('has no import cycles', () => {
    const graph = new Map(sources.map(({ path, imports }) => [path, imports]));
    const done = new Set<string>();
    const visit = (path: string, trail: readonly string[]): void => {
      expect(trail, `cycle: ${[...trail, path].join(' → ')}`).not.toContain(path);
      if (done.has(path)) return;
      for (const next of graph.get(path) ?? []) if (graph.has(next)) visit(next, [...trail, path]);
      done.add(path);
    };
    for (const { path } of sources) visit(path, []);
  });

  it.each(sources.filter(({ path }) => path !== 'app.ts'))('names at most one network: $path', ({ code }) => {
    const named = ['matrix', 'plexichat'].filter((network) => code.toLowerCase().includes(network));
    expect(named.length).toBeLessThanOrEqual(1);
  });

  it.each(sources.filter(({ path }) => path.startsWith('presence/')))(
    'the core names no network: $path',
    ({ code }) => {
      expect(code.toLowerCase()).not.toMatch(/matrix|plexichat/);
    },
  );
});

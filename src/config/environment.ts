import { readFileSync } from 'node:fs';
import type { JsonSchema } from './json-schema.ts';
import type { Setting } from './settings.ts';
import { suggest } from './suggest.ts';

const PREFIX = 'PLEXIBRIDGE__';
const FILE_SUFFIX = '_file';

/** By key. */
export type EnvironmentValues = ReadonlyMap<string, { readonly variable: string; readonly value: unknown }>;

export interface Environment {
  readonly values: EnvironmentValues;
  readonly problems: readonly string[];
}

/** The variable that sets a key. */
export function variableOf(key: string): string {
  return PREFIX + key.replaceAll('.', '__').toUpperCase();
}

/** Everything that `PLEXIBRIDGE__*` says, in the settings' own types where the text allows it. */
export function readEnvironment(settings: readonly Setting[], env: NodeJS.ProcessEnv): Environment {
  const known = new Map(settings.filter(({ isSection }) => !isSection).map((it) => [it.key, it]));
  const values = new Map<string, { variable: string; value: unknown }>();
  const problems: string[] = [];
  for (const variable of Object.keys(env).sort()) {
    const text = env[variable];
    if (text === undefined || !variable.toUpperCase().startsWith(PREFIX)) continue;
    const { key, isFile } = targetOf(variable, known);
    const setting = known.get(key);
    const earlier = values.get(key);
    const content = setting && isFile ? contentOf(text) : text;
    if (!setting) {
      problems.push(`env ${variable}: unknown variable${hint(key, isFile, [...known.keys()])}`);
    } else if (earlier) {
      problems.push(`env ${variable} ${key}: already given by ${earlier.variable}`);
    } else if (content === null) {
      problems.push(`env ${variable} ${key}: the file it names cannot be read`);
    } else {
      values.set(key, { variable, value: fromText(content, setting.schema) });
    }
  }
  return { values, problems };
}

/** The key that a variable names, and whether it gives a file instead of the value. A key may itself end in `_file`. */
function targetOf(variable: string, known: ReadonlyMap<string, Setting>): { key: string; isFile: boolean } {
  const key = variable.slice(PREFIX.length).toLowerCase().replaceAll('__', '.');
  const isFile = !known.has(key) && key.endsWith(FILE_SUFFIX);
  return { key: isFile ? key.slice(0, -FILE_SUFFIX.length) : key, isFile };
}

function contentOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch {
    return null;
  }
}

function hint(key: string, isFile: boolean, candidates: readonly string[]): string {
  const meant = suggest(key, candidates);
  return meant === null ? '' : `, did you mean ${variableOf(meant)}${isFile ? '_FILE' : ''}?`;
}

/** What a text stands for; one that does not fit stays a text, which the schema then refuses. */
function fromText(text: string, { type, items }: JsonSchema): unknown {
  if (type === 'string') return text;
  if (type === 'array' && !text.startsWith('[')) {
    const parts = text === '' ? [] : text.split(',').map((part) => part.trim());
    return typeof items === 'object' && !Array.isArray(items)
      ? parts.map((part) => fromText(part, items))
      : parts;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

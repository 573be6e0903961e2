import { parse } from 'yaml';
import { readDeployFile } from './files.ts';

export interface ComposeService {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly secrets?: readonly string[];
  readonly configs?: readonly { readonly source: string; readonly target: string }[];
  readonly command?: string | readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly stop_grace_period?: string;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** The published file, as it is before variables are put in. */
export function composeFile(): ComposeFile {
  return parse(readDeployFile('compose.yaml'), { merge: true }) as ComposeFile;
}

/** The published file with these variables. Throws where it demands one that is not there. */
export function composedWith(variables: Readonly<Record<string, string>>): ComposeFile {
  const text = readDeployFile('compose.yaml').replace(
    /\$\{(\w+)(?::([?-])([^}]*))?\}/g,
    (_whole, name: string, kind, word) => {
      const value = variables[name] ?? '';
      if (value !== '') return value;
      if (kind === '-') return word;
      throw new Error(`${name}: ${word}`);
    },
  );
  return parse(text, { merge: true }) as ComposeFile;
}

/** The variables of the example beside it. */
export function exampleVariables(): Record<string, string> {
  const lines = readDeployFile('compose.env.example').split('\n');
  return Object.fromEntries(
    lines
      .filter((line) => /^\w+=/.test(line))
      .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
  );
}

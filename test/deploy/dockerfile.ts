import { readDeployFile } from './files.ts';

export interface Instruction {
  readonly word: string;
  readonly rest: string;
}

export interface Stage {
  readonly base: string;
  readonly name?: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** The stages of the published Dockerfile. Reads what that file uses of the language, and no more. */
export function stages(): Stage[] {
  const lines = readDeployFile('Dockerfile')
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line !== '');
  const found: (Stage & { instructions: Instruction[] })[] = [];
  for (const line of lines) {
    const [, word = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (word === 'FROM') {
      const [, base = '', name] = /^(\S+)(?: AS (\w+))?$/.exec(rest) ?? [];
      found.push({ base, name, instructions: [] });
    } else {
      found.at(-1)?.instructions.push({ word, rest });
    }
  }
  return found;
}

export interface Copy {
  readonly from: string | null;
  readonly sources: readonly string[];
  readonly to: string;
}

export function copies({ instructions }: Stage): Copy[] {
  return instructions
    .filter(({ word }) => word === 'COPY')
    .map(({ rest }) => {
      const [, from = null, paths = ''] = /^(?:--from=(\w+) )?(.*)$/.exec(rest) ?? [];
      const words = paths.split(' ');
      return { from, sources: words.slice(0, -1), to: words.at(-1) ?? '' };
    });
}

/** What the last stage says of this, in exec form. */
export function execForm(stage: Stage, word: 'ENTRYPOINT' | 'CMD' | 'HEALTHCHECK'): string[] {
  const rest = stage.instructions.find((each) => each.word === word)?.rest ?? '';
  return JSON.parse(rest.slice(rest.indexOf('['))) as string[];
}

/** The environment that a stage sets. */
export function environmentOf({ instructions }: Stage): Record<string, string> {
  const pairs = instructions.filter(({ word }) => word === 'ENV').flatMap(({ rest }) => rest.split(/\s+/));
  return Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string]));
}

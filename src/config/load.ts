import type { z } from 'zod';
import type { EnvironmentValues } from './environment.ts';
import { readEnvironment, variableOf } from './environment.ts';
import type { JsonSchema } from './json-schema.ts';
import { configJsonSchema, propertiesOf } from './json-schema.ts';
import { settingsOf } from './settings.ts';
import { suggest } from './suggest.ts';
import type { YamlFile } from './yaml-file.ts';
import { readYaml } from './yaml-file.ts';

export interface ConfigSources {
  /** Path of a YAML file. */
  readonly file?: string;
  /** `PLEXIBRIDGE__SECTION__KEY` wins over the file. */
  readonly env: NodeJS.ProcessEnv;
}

/** Settings that cannot be used. The message has every problem on a line of its own, and no value of any setting. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Without a file, a setting that is missing is best given by its variable. */
const NO_FILE: YamlFile = {
  value: null,
  problems: [],
  where: (path) => `env ${variableOf(path.join('.'))}`,
};

/** The settings of a file and the environment, defaults filled in. Throws `ConfigError`. */
export function loadConfig<S extends z.ZodObject>(schema: S, { file, env }: ConfigSources): z.output<S> {
  const settings = settingsOf(schema);
  const yaml = file === undefined ? NO_FILE : readYaml(file);
  const environment = readEnvironment(settings, env);
  const parsed = schema.safeParse(overlay(yaml.value, configJsonSchema(schema), '', environment.values));
  const keys = settings.map(({ key }) => key);
  const problems = [
    ...yaml.problems,
    ...environment.problems,
    ...(parsed.error?.issues ?? []).flatMap((issue) => tell(issue, yaml, environment.values, keys)),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return parsed.data;
}

/** A section of the file with the environment's values put in. One whose keys are all commented out reads as null. */
function overlay(section: unknown, schema: JsonSchema, above: string, values: EnvironmentValues): unknown {
  if (typeof section !== 'object' || Array.isArray(section)) return section;
  const result: Record<string, unknown> = { ...section };
  for (const [name, it] of propertiesOf(schema)) {
    const key = above + name;
    const given = values.get(key);
    if (it.properties) result[name] = overlay(result[name] ?? null, it, `${key}.`, values);
    else if (given) result[name] = given.value;
  }
  return result;
}

/** One line for each thing an issue complains of. */
function tell(
  issue: z.core.$ZodIssue,
  yaml: YamlFile,
  values: EnvironmentValues,
  keys: readonly string[],
): string[] {
  const { path, message } = issue;
  const given = path.map((_, index) => values.get(path.slice(0, index + 1).join('.'))).find(Boolean);
  const key = path.join('.') || 'settings';
  if (given) return [`env ${given.variable} ${key}: ${message}`];
  // Of a file that could not be read, nothing more can be said.
  if (yaml.problems.length > 0) return [];
  if (issue.code !== 'unrecognized_keys') return [`${yaml.where(path)} ${key}: ${message}`];
  return issue.keys.map((name) => {
    const unknown = [...path, name].join('.');
    const meant = suggest(unknown, keys);
    const hint = meant === null ? '' : `, did you mean ${meant}?`;
    return `${yaml.where([...path, name])} ${unknown}: unknown key${hint}`;
  });
}

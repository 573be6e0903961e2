import type { z } from 'zod';
import type { JsonSchema } from './json-schema.ts';
import { configJsonSchema, propertiesOf } from './json-schema.ts';

/** One key of the settings. */
export interface Setting {
  readonly path: readonly string[];
  /** The path in dots, such as `listen.port`. */
  readonly key: string;
  readonly schema: JsonSchema;
  /** Whether it only holds other settings. */
  readonly isSection: boolean;
}

/** All settings in the order of the schema, each section before its keys. */
export function settingsOf(schema: z.ZodObject): Setting[] {
  return settingsIn(configJsonSchema(schema), []);
}

function settingsIn(section: JsonSchema, above: readonly string[]): Setting[] {
  return propertiesOf(section).flatMap(([name, schema]): Setting[] => {
    const path = [...above, name];
    const isSection = schema.properties !== undefined;
    return [{ path, key: path.join('.'), schema, isSection }, ...settingsIn(schema, path)];
  });
}

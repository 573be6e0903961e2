import { stringify } from 'yaml';
import { z } from 'zod';

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** What an operator may write: the settings before defaults and conversions, with their descriptions. */
export function configJsonSchema(schema: z.ZodObject): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input' });
}

/** The named parts of an object schema, in order. */
export function propertiesOf({ properties = {} }: JsonSchema): [string, JsonSchema][] {
  return Object.entries(properties).flatMap(([name, it]) => (typeof it === 'boolean' ? [] : [[name, it]]));
}

/** A file that says every default; keys without one are commented out. */
export function exampleYaml(schema: z.ZodObject): string {
  const blocks = propertiesOf(configJsonSchema(schema)).map(([name, it]) =>
    exampleLines(name, it).join('\n'),
  );
  return `# yaml-language-server: $schema=bridge.schema.json\n\n${blocks.join('\n\n')}\n`;
}

/** The settings as rows of a Markdown table: key, default and meaning. */
export function settingsTable(schema: z.ZodObject): string {
  const rows = tableRows('', configJsonSchema(schema)).map((cells) => `| ${cells.join(' | ')} |`);
  return ['| setting | default | |', '| --- | --- | --- |', ...rows, ''].join('\n');
}

function tableRows(prefix: string, schema: JsonSchema): string[][] {
  return propertiesOf(schema).flatMap(([name, it]) => {
    const key = `${prefix}${name}`;
    if (it.properties) return tableRows(`${key}.`, it);
    const value = it.default === undefined ? '' : `\`${valueText(it.default)}\``;
    return [[`\`${key}\``, value, it.description ?? '']];
  });
}

function valueText(value: unknown): string {
  return stringify(value, {
    singleQuote: true,
    collectionStyle: 'flow',
    flowCollectionPadding: false,
  }).trimEnd();
}

function exampleLines(name: string, schema: JsonSchema): string[] {
  const comment = schema.description === undefined ? [] : [`# ${schema.description}`];
  if (schema.properties) {
    const inner = propertiesOf(schema).flatMap(([key, it]) => exampleLines(key, it));
    return [...comment, `${name}:`, ...inner.map((line) => `  ${line}`)];
  }
  if (schema.default === undefined) return [...comment, `# ${name}:`];
  return [...comment, `${name}: ${valueText(schema.default)}`];
}

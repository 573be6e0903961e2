import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { settingsSchema } from '../../src/app.ts';
import { configJsonSchema, exampleYaml, settingsTable } from '../../src/config/json-schema.ts';
import { loadConfig } from '../../src/config/load.ts';

const published = (name: string) => new URL(`../../config/${name}`, import.meta.url);

it('the published example lists every setting with its default', () => {
  expect(readFileSync(published('bridge.example.yaml'), 'utf8')).toBe(exampleYaml(settingsSchema));
  const file = published('bridge.example.yaml').pathname;
  expect(loadConfig(settingsSchema, { file, env: {} })).toEqual(loadConfig(settingsSchema, { env: {} }));
});

it('the published example of a node of many changes its store, and nothing else but where it listens', () => {
  const file = published('bridge.cluster.example.yaml').pathname;
  const { store, listen, ...rest } = loadConfig(settingsSchema, { file, env: {} });
  const { store: embedded, listen: alone, ...defaults } = loadConfig(settingsSchema, { env: {} });
  expect(store).toEqual({ ...embedded, kind: 'postgres', shards: [expect.stringMatching(/^postgres:/)] });
  expect(listen).toEqual({ ...alone, host: '0.0.0.0' });
  expect(rest).toEqual(defaults);
});

it('the README has the table of the settings', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const cells = (table: string) =>
    table
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| |\s*\|$/g, '').trim()));
  const section = /^## Settings$([\s\S]*?)^## /m.exec(readme)?.[1] ?? '';
  expect(cells(section)).toEqual(cells(settingsTable(settingsSchema)));
});

it('the published schema is that of the settings', () => {
  const schema = JSON.parse(readFileSync(published('bridge.schema.json'), 'utf8')) as unknown;
  expect(schema).toEqual(configJsonSchema(settingsSchema));
});

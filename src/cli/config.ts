import { settingsSchema } from '../app.ts';
import { configJsonSchema, exampleYaml, settingsTable } from '../config/json-schema.ts';
import type { ConfigOption } from './settings.ts';
import { readSettings } from './settings.ts';

export function checkConfig(options: ConfigOption): void {
  readSettings(options);
  process.stdout.write('The settings are good.\n');
}

export function printExample(): void {
  process.stdout.write(exampleYaml(settingsSchema));
}

export function printTable(): void {
  process.stdout.write(settingsTable(settingsSchema));
}

export function printSchema(): void {
  process.stdout.write(`${JSON.stringify(configJsonSchema(settingsSchema), null, 2)}\n`);
}

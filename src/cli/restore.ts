import { restoreStore } from '../stores/sqlite/backup.ts';
import type { ConfigOption } from './settings.ts';
import { readSettings } from './settings.ts';

export async function restore(file: string, options: ConfigOption): Promise<void> {
  const { path } = readSettings(options).store;
  await restoreStore(file, path);
  process.stdout.write(`Restored ${file} to ${path}.\n`);
}

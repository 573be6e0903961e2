import { restoreStore } from '../stores/sqlite/backup.ts';
import type { ConfigOption } from './settings.ts';
import { readSettings } from './settings.ts';

export function restore(file: string, options: ConfigOption): void {
  const { path } = readSettings(options).store;
  restoreStore(file, path);
  process.stdout.write(`Restored ${file} to ${path}.\n`);
}

import { restoreStore } from '../stores/sqlite/backup.ts';
import type { ConfigOption } from './settings.ts';
import { dataFolder, readSettings } from './settings.ts';

export function restore(file: string, options: ConfigOption): void {
  const path = dataFolder(readSettings(options));
  restoreStore(file, path);
  process.stdout.write(`Restored ${file} to ${path}.\n`);
}

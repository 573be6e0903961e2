import { backupStore } from '../stores/sqlite/backup.ts';
import type { ConfigOption } from './settings.ts';
import { readSettings } from './settings.ts';

export async function backup(file: string, options: ConfigOption): Promise<void> {
  const { people, presence } = await backupStore(readSettings(options).store.path, file);
  process.stdout.write(`Copied ${people} people and ${presence} presence records to ${file}.\n`);
}

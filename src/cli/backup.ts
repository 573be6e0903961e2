import { backupStore } from '../stores/sqlite/backup.ts';
import type { ConfigOption } from './settings.ts';
import { dataFolder, readSettings } from './settings.ts';

export function backup(file: string, options: ConfigOption): void {
  const { people, presence } = backupStore(dataFolder(readSettings(options)), file);
  process.stdout.write(`Copied ${people} people and ${presence} presence records to ${file}.\n`);
}

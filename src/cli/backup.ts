import { backupStore } from '../stores/sqlite/backup.ts';
import { print } from './output.ts';
import { withProgress } from './progress.ts';
import type { ConfigOption } from './settings.ts';
import { dataFolder, readSettings } from './settings.ts';

export function backup(file: string, options: ConfigOption & { readonly json?: boolean }): void {
  const path = dataFolder(readSettings(options));
  const { people, presence } = withProgress('Backup', (progress) => backupStore(path, file, progress));
  print({ file, people, presence }, options.json, () => [
    `Copied ${people} people and ${presence} presence records to ${file}.`,
  ]);
}

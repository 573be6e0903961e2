import { restoreStore } from '../stores/sqlite/backup.ts';
import { print } from './output.ts';
import { withProgress } from './progress.ts';
import type { ConfigOption } from './settings.ts';
import { dataFolder, readSettings } from './settings.ts';

export function restore(file: string, options: ConfigOption & { readonly json?: boolean }): void {
  const path = dataFolder(readSettings(options));
  withProgress('Restore', (progress) => restoreStore(file, path, progress));
  print({ file, path }, options.json, () => [`Restored ${file} to ${path}.`]);
}

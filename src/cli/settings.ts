import type { Settings } from '../app.ts';
import { settingsSchema } from '../app.ts';
import { loadConfig } from '../config/load.ts';

/** The options of every command that reads settings. */
export interface ConfigOption {
  readonly config?: string;
}

/** The settings of this run: file and environment. Throws `ConfigError` with every problem. */
export function readSettings({ config }: ConfigOption): Settings {
  return loadConfig(settingsSchema, {
    ...(config === undefined ? {} : { file: config }),
    env: process.env,
  });
}

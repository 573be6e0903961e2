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

/** The folder of the embedded store. Throws where the store is another. */
export function dataFolder({ store }: Settings): string {
  if (store.kind === 'sqlite') return store.path;
  throw new Error(
    'The store is PostgreSQL (store.kind), which has its own tools for this: pg_basebackup with an archive of the ' +
      'write-ahead log for the whole server, or pg_dump and pg_restore for each database of store.shards.',
  );
}

/** The primaries of a store over PostgreSQL. Throws where the store is another. */
export function primariesOf({ store }: Settings): readonly string[] {
  if (store.shards.length > 0) return store.shards;
  throw new Error('The settings must be those over PostgreSQL: store.kind postgres, and store.shards.');
}

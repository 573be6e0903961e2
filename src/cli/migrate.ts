import { systemClock } from '../presence/clock.ts';
import { migrateStore } from '../stores/migrate.ts';
import { commandLogger } from './logger.ts';
import { showProgress } from './progress.ts';
import type { ConfigOption } from './settings.ts';
import { primariesOf, readSettings } from './settings.ts';

/** The kinds of stores, as the options name them. */
export const STORE_KINDS = ['sqlite', 'postgres'] as const;
type StoreKind = (typeof STORE_KINDS)[number];

interface MigrateCliOptions extends ConfigOption {
  readonly from: StoreKind;
  readonly to: StoreKind;
  /** The data folder; where the settings say if absent. */
  readonly sqlite?: string;
}

/** Copies the store to one of the other kind. The settings are those of the bridge over PostgreSQL. */
export async function migrate({ from, to, sqlite, ...config }: MigrateCliOptions): Promise<void> {
  if (from === to)
    throw new Error('A store is migrated to one of the other kind: --from and --to are the same.');
  const settings = readSettings(config);
  const shards = primariesOf(settings);
  const progress = showProgress();
  try {
    const reports = await migrateStore({
      from,
      path: sqlite ?? settings.store.path,
      shards,
      clock: systemClock,
      logger: commandLogger(),
      watcher: {
        copying: (total, done) => progress.begin('copying', total, done),
        verifying: (total) => progress.begin('verifying', total),
        progressed: (rows) => progress.advance(rows),
      },
    });
    progress.end();
    const lines = reports.map(({ table, rows, checksum }) => {
      return `${table.padEnd(12)} ${String(rows).padStart(10)}  ${checksum}\n`;
    });
    process.stdout.write(`Both stores hold the same; rows and checksum of each table:\n${lines.join('')}`);
  } finally {
    progress.end();
  }
}

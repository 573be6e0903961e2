import type { Directory } from '../presence/directory.ts';
import type { PresenceStore } from '../presence/store.ts';
import type { StoreLogger } from './logger.ts';
import { openSqliteStore } from './sqlite/open-store.ts';

/** Presence and directory in one place, as every surface needs them. */
export type Store = PresenceStore & Directory & AsyncDisposable;

export interface StoreSettings {
  /** The data folder. */
  readonly path: string;
}

/** Opens the store that the settings name. Throws `StoreRefused` when it must not be used as it is. */
export function openStore({ path }: StoreSettings, logger: StoreLogger): Promise<Store> {
  return openSqliteStore({ path, logger });
}

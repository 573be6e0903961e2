import { setImmediate } from 'node:timers/promises';

/** Resolves once everything that was ready to run has run; no time passes on any clock of the bridge. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await setImmediate();
}

import type { Check } from './check.ts';
import { ok, skipped, warn } from './check.ts';
import type { Witness } from './witness.ts';

/** What differs less is no trouble, ms. */
const MAX_SKEW_MS = 2000;

export interface ClockSource {
  /** Of the server, for people. */
  readonly name: string;
  /** Asks it something public. Whatever goes wrong is told by a later check. */
  readonly ask: () => Promise<unknown>;
  readonly witness: Pick<Witness, 'replies'>;
}

/** Whether the clocks of the servers agree with that of this machine. */
export function clockCheck(sources: readonly ClockSource[]): Check {
  return {
    name: 'clock',
    needs: [],
    run: async () => {
      const apart: string[] = [];
      let told = 0;
      for (const { name, ask, witness } of sources) {
        await ask().catch(() => undefined);
        const skewMs = skewOf(witness);
        if (skewMs === null) continue;
        told++;
        const way = skewMs > 0 ? 'ahead' : 'behind';
        if (Math.abs(skewMs) > MAX_SKEW_MS) {
          apart.push(
            `the clock of ${name} is ${Math.round(Math.abs(skewMs) / 1000)} s ${way} of the one here`,
          );
        }
      }
      if (apart.length > 0) {
        return warn(apart.join('; '), 'Let every machine take its time from NTP (timedatectl set-ntp true).');
      }
      return told === 0 ? skipped('no server told the time') : ok('the clocks agree to two seconds');
    },
  };
}

/** How far the server's clock is ahead, ms; it tells whole seconds. Null when it does not tell. */
function skewOf({ replies }: Pick<Witness, 'replies'>): number | null {
  for (const { at, headers } of replies) {
    const date = Date.parse(String(headers['date']));
    if (!Number.isNaN(date)) return date + 500 - at;
  }
  return null;
}

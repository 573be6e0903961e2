import { systemClock } from '../presence/clock.ts';
import { formatRanges, listShards, moveShards, parseRanges } from '../stores/shards.ts';
import { commandLogger } from './logger.ts';
import { showProgress } from './progress.ts';
import type { ConfigOption } from './settings.ts';
import { primariesOf, readSettings } from './settings.ts';

interface MoveOptions extends ConfigOption {
  /** The number or the place of a primary. */
  readonly to: string;
}

export async function printShards(config: ConfigOption): Promise<void> {
  for (const { number, place, shards, records, unfinished } of await listShards(optionsOf(config))) {
    const count = shards.length === 1 ? '1 shard' : `${shards.length} shards`;
    const home = number === 1 ? ', home' : '';
    process.stdout.write(`${number}  ${place}${home}: ${count}, ${records} records\n`);
    if (shards.length > 0) process.stdout.write(`   ${formatRanges(shards)}\n`);
    if (unfinished.length > 0) {
      process.stdout.write(`   A move was not completed: ${formatRanges(unfinished)}. Run it again.\n`);
    }
  }
}

/** Moves shards while the bridge runs. */
export async function move(range: string, { to, ...config }: MoveOptions): Promise<void> {
  const shards = parseRanges(range);
  const progress = showProgress();
  const windows: number[] = [];
  let copied = 0;
  progress.begin('moving', shards.length);
  try {
    await moveShards(optionsOf(config), shards, to, (report) => {
      copied += report.copied;
      if (report.closedMs !== null) windows.push(report.closedMs);
      progress.advance(1);
    });
  } finally {
    progress.end();
  }
  const longest = windows.length === 0 ? '' : ` Each took no writes for ${Math.max(...windows)} ms at most.`;
  process.stdout.write(`Moved ${formatRanges(shards)} to ${to}: ${copied} records copied.${longest}\n`);
}

function optionsOf(config: ConfigOption) {
  return { shards: primariesOf(readSettings(config)), clock: systemClock, logger: commandLogger() };
}

import { expect, it } from 'vitest';
import { describePostgres } from '../stores/postgres/binaries.ts';
import type { Fault } from './faults.ts';
import { scheduleOf } from './faults.ts';
import { brokenPromises } from './history.ts';
import { play, startNodes, startSite, startWorld } from './run.ts';

/** `CHAOS_MS=300000 npm test` for a long run of faults by chance, `CHAOS_SEED` to repeat one; at most nine minutes. */
const LONG_MS = Math.min(Number(process.env['CHAOS_MS'] ?? 0), 540_000);
const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);

/** One of each kind, and several at a time. */
const SHORT: readonly Fault[] = [
  { at: 500, kind: 'halt a node', node: 2, down: 11_000 },
  { at: 1_000, kind: 'cut who listens' },
  { at: 1_500, kind: 'kill a node', node: 0, down: 300 },
  { at: 3_500, kind: 'halt the primary', down: 2_000 },
  { at: 6_000, kind: 'crash the primary' },
  { at: 8_000, kind: 'restart the primary' },
  { at: 10_000, kind: 'fail over' },
];

describePostgres('three nodes over one PostgreSQL, under load', () => {
  it('keep every promise over faults of each kind', () => keepPromises(SHORT, 1));

  it.runIf(LONG_MS > 0)(
    `keep every promise over ${LONG_MS} ms of faults by chance, seed ${SEED}`,
    () => keepPromises(scheduleOf(SEED, LONG_MS), SEED),
    LONG_MS + 300_000,
  );
});

async function keepPromises(faults: readonly Fault[], seed: number): Promise<void> {
  const site = await startSite('remote_apply');
  const nodes = await startNodes({ store: site.url });
  const world = await startWorld(site, nodes, seed);
  await site.guard();
  const history = await play(world, faults);
  const { recorder } = world;
  console.info(
    `seed ${seed}: ${faults.length} faults, ${recorder.acknowledged} of ${history.writes.length} writes acknowledged,`,
    `${history.reads.length} reads, ${history.told.length} news`,
  );
  expect(recorder.oddities).toEqual([]);
  expect(brokenPromises(history)).toEqual([]);
}

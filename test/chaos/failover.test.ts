import { expect, it } from 'vitest';
import { OPERATOR } from '../helpers/process.ts';
import { describePostgres } from '../stores/postgres/binaries.ts';
import { until } from '../stores/postgres/cluster.ts';
import type { FleetNode } from './fleet.ts';
import { brokenPromises, survivingPart } from './history.ts';
import { conclude, startNodes, startSite, startWorld } from './run.ts';

/** With `CHAOS_MS`, as the other long runs. */
const IS_LONG = Number(process.env['CHAOS_MS'] ?? 0) > 0;
/** Acknowledged writes before the standby falls behind, and after that before it takes over. */
const WRITES = { replicated: 100, alone: 100 };
const SEED = 11;

describePostgres('a standby that takes over without all that was acknowledged', () => {
  it.runIf(IS_LONG)('is noticed by all nodes, and everybody comes to see what it has', async () => {
    const site = await startSite('off');
    const nodes = await startNodes({ store: site.url });
    const world = await startWorld(site, nodes, SEED);
    const standby = await site.guard();
    const { recorder } = world;
    const acknowledged = (count: number) => until(() => recorder.acknowledged >= count);

    await acknowledged(recorder.acknowledged + WRITES.replicated);
    await standby.query(`ALTER SYSTEM SET primary_conninfo = ''`);
    await standby.query('SELECT pg_reload_conf()');
    await until(async () => (await site.primary.query('SELECT FROM pg_stat_replication')).length === 0);
    const behind = Date.now();
    await acknowledged(recorder.acknowledged + WRITES.alone);
    const window = Date.now() - behind;
    await site.failOver();

    const history = await conclude(world);
    const { part, lost } = survivingPart(history);
    console.info(`${lost.length} acknowledged writes lost, ${window} ms after the standby fell behind`);
    expect(lost.length).toBeGreaterThan(0);
    expect(brokenPromises(history).join('\n')).toMatch(/acknowledged by . and never committed/);
    expect(recorder.oddities).toEqual([]);
    expect(brokenPromises(part)).toEqual([]);
    for (const node of nodes) {
      expect(node.output).toContain('commits may have been undone');
      expect(await lossesAt(node)).toBeGreaterThan(0);
    }
  });
});

/** Metrics are text, which `call` does not read. */
async function lossesAt({ url }: FleetNode): Promise<number> {
  const reply = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${OPERATOR}` } });
  return Number(/^plexibridge_store_feed_losses_total\{.*\} (\d+)$/m.exec(await reply.text())?.[1]);
}

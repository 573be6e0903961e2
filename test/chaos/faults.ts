import { setTimeout as wait } from 'node:timers/promises';
import { seededRandom } from '../helpers/random.ts';
import { until } from '../stores/postgres/cluster.ts';
import type { FleetNode } from './fleet.ts';
import type { Site } from './site.ts';

/** Times in ms. */
type NodeFault =
  | { readonly kind: 'kill a node'; readonly node: number; readonly down: number }
  | { readonly kind: 'halt a node'; readonly node: number; readonly down: number };
type StoreFault =
  | { readonly kind: 'crash the primary' | 'restart the primary' | 'fail over' | 'cut who listens' }
  | { readonly kind: 'halt the primary'; readonly down: number };

/** `at`: ms from the beginning; later when another one of the same node or of the primary is under way. */
export type Fault = { readonly at: number } & (NodeFault | StoreFault);

/** As many of each as a long run has, in ten. */
const KINDS = [
  'kill a node',
  'kill a node',
  'kill a node',
  'halt a node',
  'cut who listens',
  'cut who listens',
  'crash the primary',
  'restart the primary',
  'fail over',
  'halt the primary',
] as const;
/** Between two of them, ms. */
const GAP = { least: 800, most: 3_000 };
/** Longer than what is read is believed, and than a duty is leased, ms. */
const HALTS = [4_000, 11_000] as const;
const NODES = 3;

/** Faults for so many ms, always the same for a seed. */
export function scheduleOf(seed: number, ms: number): Fault[] {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const faults: Fault[] = [];
  for (let at = GAP.most; at < ms; at += GAP.least + below(GAP.most - GAP.least)) {
    const kind = KINDS[below(KINDS.length)] ?? 'fail over';
    const node = below(NODES);
    if (kind === 'kill a node') faults.push({ at, kind, node, down: below(3_000) });
    else if (kind === 'halt a node') faults.push({ at, kind, node, down: HALTS[below(2)] ?? 0 });
    else if (kind === 'halt the primary') faults.push({ at, kind, down: 500 + below(7_000) });
    else faults.push({ at, kind });
  }
  return faults;
}

/** Resolves when all are over. */
export async function inflict(
  faults: readonly Fault[],
  nodes: readonly FleetNode[],
  site: Site,
): Promise<void> {
  const began = Date.now();
  const turns = new Map<unknown, Promise<void>>();
  for (const fault of faults) {
    await wait(Math.max(0, began + fault.at - Date.now()));
    const victim = 'node' in fault ? nodes[fault.node] : site;
    const before = turns.get(victim) ?? Promise.resolve();
    const turn = before.then(() => inflictOne(fault, nodes, site));
    turn.catch(() => undefined); // thrown below, once it is awaited
    turns.set(victim, turn);
  }
  await Promise.all(turns.values());
}

async function inflictOne(fault: Fault, nodes: readonly FleetNode[], site: Site): Promise<void> {
  const node = 'node' in fault ? nodes[fault.node] : undefined;
  switch (fault.kind) {
    case 'kill a node':
      await node?.kill();
      await wait(fault.down);
      await node?.restart();
      break;
    case 'halt a node':
      node?.halt();
      await wait(fault.down);
      node?.goOn();
      break;
    case 'crash the primary':
      await site.crash();
      break;
    case 'restart the primary':
      await site.restart();
      break;
    case 'halt the primary':
      site.primary.pause();
      await wait(fault.down);
      site.primary.resume();
      break;
    case 'fail over':
      await site.failOver();
      await site.guard();
      break;
    case 'cut who listens':
      await cutListeners(site);
      break;
  }
}

/** Once there is one; by what its connection did last. */
async function cutListeners(site: Site): Promise<void> {
  await until(async () => {
    const cut = await site.primary.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
       AND (query LIKE 'LISTEN%' OR query LIKE '%FROM mark_outbox(%' OR query LIKE '%FROM outbox WHERE%')`,
    );
    return cut.length > 0;
  });
}

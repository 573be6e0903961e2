import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { OPERATOR } from '../helpers/process.ts';
import type { RunningBridge } from '../helpers/process.ts';
import { memoryOf } from '../trust/memory.ts';

/** What the process holds at one moment. */
export interface Sample {
  /** Of the JavaScript heap, bytes. */
  readonly heap: number;
  /** Of the whole process, bytes. */
  readonly memory: number;
  /** Open files and sockets. */
  readonly handles: number;
  /** Of the data folder, bytes. */
  readonly files: number;
}

export async function take(bridge: RunningBridge, data: string): Promise<Sample> {
  const reply = await fetch(`${bridge.url}/metrics`, { headers: { authorization: `Bearer ${OPERATOR}` } });
  const heap = /^nodejs_heap_size_used_bytes(?:\{[^}]*\})? (\S+)/m.exec(await reply.text())?.[1];
  if (heap === undefined) throw new Error('the metrics do not tell of the heap');
  return {
    heap: Number(heap),
    memory: memoryOf(bridge.child.pid),
    handles: readdirSync(`/proc/${bridge.child.pid}/fd`).length,
    files: readdirSync(data).reduce((sum, name) => sum + statSync(join(data, name)).size, 0),
  };
}

const MB = 1024 * 1024;
/** How much more the last third of the time may hold than the third before it: a share, and so much whatever happens. */
const SLACK: Readonly<Record<keyof Sample, { readonly share: number; readonly more: number }>> = {
  heap: { share: 0.1, more: 6 * MB },
  memory: { share: 0.15, more: 40 * MB },
  handles: { share: 0.1, more: 12 },
  files: { share: 0.1, more: 8 * MB },
};

/** What still grows; empty when everything has reached a plateau. */
export function growing(samples: readonly Sample[]): string[] {
  const third = Math.floor(samples.length / 3);
  const [middle, last] = [samples.slice(third, 2 * third), samples.slice(-third)];
  return Object.entries(SLACK).flatMap(([name, { share, more }]) => {
    const values = (part: readonly Sample[]) => part.map((sample) => sample[name as keyof Sample]);
    // Rubbish comes and goes: of memory the least that is held tells what cannot be let go.
    const level = name === 'heap' ? Math.min : Math.max;
    const [before, after] = [level(...values(middle)), level(...values(last))];
    return after > before * (1 + share) + more ? [`${name} grows from ${before} to ${after}`] : [];
  });
}

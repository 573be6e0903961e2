import { seededRandom } from '../helpers/random.ts';
import type { Commit, History, Read, Told, Write } from './history.ts';

/** How a store behaves that several nodes share; each number is how likely it does something wrong. */
export interface Behaviour {
  /** An acknowledged write is gone. */
  readonly loses: number;
  /** A write takes the place of another of the same version. */
  readonly overwrites: number;
  /** A write is committed after a later one. */
  readonly delays: number;
  /** A node does not see its own write. */
  readonly forgetsOwn: number;
  /** Nodes never hear of each other. */
  readonly deaf: boolean;
  readonly repeats: number;
  /** Watchers are not told of the end. */
  readonly quiet: boolean;
  /** A read sees what was not committed. */
  readonly dirty: number;
}

export const honest: Behaviour = {
  loses: 0,
  overwrites: 0,
  delays: 0,
  forgetsOwn: 0,
  deaf: false,
  repeats: 0,
  quiet: false,
  dirty: 0,
};

const NODES = ['a', 'b', 'c'];
const STEPS = 300;
const STALE_MS = 50;

/** A history of one person as such a store would make it; a step takes 10 ms. */
export function play(store: Behaviour, seed: number): History {
  const random = seededRandom(seed);
  const writes: Write[] = [];
  const reads: Read[] = [];
  const told: Told[] = [];
  const commits: Commit[] = [];
  const known = new Map(NODES.map((node) => [node, 0]));
  const waiting: string[] = [];
  let tick = 0;
  const commit = (text: string) => {
    const repeated = random() < store.overwrites && commits.length > 0;
    commits.push({ person: 'p', text, version: (commits.at(-1)?.version ?? 0) + (repeated ? 0 : 1) });
  };
  for (let step = 0; step < STEPS; step++) {
    const ms = step * 10;
    const node = NODES[Math.floor(random() * NODES.length)] ?? 'a';
    if (random() < 0.4) {
      const text = `t${step}`;
      const write: Write = { person: 'p', node, text, sent: tick++, acknowledged: null };
      writes.push(write);
      if (random() < 0.1) continue; // refused, or nobody knows
      if (random() < store.delays) waiting.push(text);
      else if (random() >= store.loses) commit(text);
      if (random() < 0.5) for (const late of waiting.splice(0)) commit(late);
      if (random() >= store.forgetsOwn) known.set(node, commits.length);
      write.acknowledged = { tick: tick++, ms };
      const last = commits.at(-1);
      const isLast = step > STEPS - 60;
      if (last?.text == null || (store.quiet && isLast)) continue;
      const isNew = told.at(-1)?.text !== last.text;
      for (let i = random() < store.repeats ? 2 : 1; i > 0 && isNew; i--)
        told.push({ watcher: 'w', person: 'p', text: last.text, fresh: false, ms });
    } else {
      if (!store.deaf && random() < 0.8) for (const each of NODES) known.set(each, commits.length);
      const sent = tick++;
      const seen = commits[(known.get(node) ?? 0) - 1]?.text ?? null;
      const text = random() < store.dirty ? `rolled back ${step}` : seen;
      reads.push({ person: 'p', node, text, sent, sentMs: ms, answered: tick++ });
    }
  }
  return { writes, reads, told, commits, staleMs: STALE_MS };
}

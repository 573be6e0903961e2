import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runBridge } from '../helpers/process.ts';
import { seededRandom } from '../helpers/random.ts';
import { lostBy, makeTarget, settle, shownAt, writeAndKill } from './acknowledged.ts';

/** `KILL_ROUNDS=1000 npm test` for a long run; `KILL_SEED` repeats one. */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 50);
const SEED = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000);
const PEOPLE = 8;
const MAX_ACKS_BEFORE_KILL = 300;

let data: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'plexibridge-kill-'));
});
afterAll(() => rm(data, { recursive: true, force: true }));

it(
  `no acknowledged write is lost by kill -9: ${ROUNDS} rounds, seed ${SEED}`,
  async () => {
    const random = seededRandom(SEED);
    let bridge = await runBridge(data);
    const targets = await Promise.all(Array.from({ length: PEOPLE }, (_, i) => makeTarget(bridge, i)));
    let acknowledged = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const writing = targets.map((target) => [bridge, target] as const);
      acknowledged += await writeAndKill(bridge, writing, 1 + Math.floor(random() * MAX_ACKS_BEFORE_KILL));
      bridge = await runBridge(data);
      for (const target of targets) {
        const kept = await shownAt(bridge, target);
        expect(lostBy(kept, target), `kept ${kept}`).toEqual([]);
        settle(kept, target);
      }
    }
    expect(acknowledged).toBeGreaterThan(ROUNDS);
    expect(await bridge.end('SIGTERM')).toBe(0);
  },
  60_000 + ROUNDS * 10_000,
);

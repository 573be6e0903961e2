import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningBridge, TwoAccounts } from '../helpers/process.ts';
import { makePerson, runBridge } from '../helpers/process.ts';
import { seededRandom } from '../helpers/random.ts';

/** `KILL_ROUNDS=1000 npm test` for a long run; `KILL_SEED` repeats one. */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 50);
const SEED = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000);
const PEOPLE = 8;
/** Concurrent writers of one person, half through each surface. */
const WRITERS = 4;
const MAX_ACKS_BEFORE_KILL = 300;

interface Write {
  /** Ticks of one counter over all events, so that "before" is exact. */
  readonly sent: number;
  acknowledged: number;
}

interface Target {
  readonly ids: TwoAccounts;
  readonly tokens: TwoAccounts;
  readonly writes: Map<string, Write>;
}

let data: string;
let ticks = 0;

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
      acknowledged += await writeAndKill(bridge, targets, 1 + Math.floor(random() * MAX_ACKS_BEFORE_KILL));
      bridge = await runBridge(data);
      for (const target of targets) await expectNothingLost(bridge, target);
    }
    expect(acknowledged).toBeGreaterThan(ROUNDS);
    expect(await bridge.end('SIGTERM')).toBe(0);
  },
  60_000 + ROUNDS * 10_000,
);

async function makeTarget(bridge: RunningBridge, index: number): Promise<Target> {
  const plexichat = String(175_928_847_299_117_000n + BigInt(index));
  const ids = { plexichat, matrix: `@user${index}:localhost` };
  return { ids, tokens: await makePerson(bridge, ids), writes: new Map() };
}

/** Writes on all targets from all writers at once, kills after `acks` answers; resolves with the answers seen. */
async function writeAndKill(bridge: RunningBridge, targets: Target[], acks: number): Promise<number> {
  let seen = 0;
  let killed: Promise<unknown> | undefined;
  const writers = targets.flatMap((target) =>
    Array.from({ length: WRITERS }, async (_, writer) => {
      while (!killed) {
        const text = `write ${++ticks}`;
        const write: Write = { sent: ticks, acknowledged: Infinity };
        target.writes.set(text, write);
        const status = await put(bridge, target, writer, text);
        if (status === null) return;
        expect(status).toBe(200);
        write.acknowledged = ++ticks;
        if (++seen >= acks) killed ??= bridge.end('SIGKILL');
      }
    }),
  );
  await Promise.all(writers);
  // Null: it ended by the signal, not by itself.
  expect(killed).toBeDefined();
  expect(await killed).toBeNull();
  return seen;
}

/** The status of one PUT, or null when the process died under it. */
async function put(bridge: RunningBridge, target: Target, writer: number, text: string) {
  const { ids, tokens } = target;
  try {
    const answer =
      writer % 2 === 0
        ? await bridge.call('PUT', '/api/v1/users/@me/presence', tokens.plexichat, {
            status: 'online',
            custom_status: text,
          })
        : await bridge.call('PUT', `/_matrix/client/v3/presence/${ids.matrix}/status`, tokens.matrix, {
            presence: 'online',
            status_msg: text,
          });
    return answer.status;
  } catch {
    return null;
  }
}

/** The text must be of a write after whose acknowledgement no other acknowledged write began. */
async function expectNothingLost(bridge: RunningBridge, target: Target): Promise<void> {
  const { ids, tokens, writes } = target;
  const left = await bridge.call('GET', `/api/v1/users/${ids.plexichat}/presence`, tokens.plexichat);
  const right = await bridge.call('GET', `/_matrix/client/v3/presence/${ids.matrix}/status`, tokens.matrix);
  expect(left.status).toBe(200);
  expect(right.body.status_msg ?? null).toBe(left.body.custom_status);
  const kept = writes.get(left.body.custom_status);
  const since = kept?.acknowledged ?? 0;
  const lost = [...writes].filter(([, { sent, acknowledged }]) => acknowledged !== Infinity && sent > since);
  expect(lost, `kept ${left.body.custom_status}`).toEqual([]);
  // What was in flight at the kill is decided now: only the kept write may ever be seen again.
  writes.clear();
  if (kept) writes.set(left.body.custom_status, { ...kept, acknowledged: ++ticks });
}

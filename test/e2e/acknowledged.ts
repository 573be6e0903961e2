import { expect } from 'vitest';
import type { RunningBridge, TwoAccounts } from '../helpers/process.ts';
import { makePerson } from '../helpers/process.ts';

/** Concurrent writers of one person at a bridge, half through each surface. */
const WRITERS = 4;

interface Write {
  /** Ticks of one counter over all events, so that "before" is exact. */
  readonly sent: number;
  acknowledged: number;
}

/** A person, and what was written of her. */
export interface Target {
  readonly ids: TwoAccounts;
  readonly tokens: TwoAccounts;
  readonly writes: Map<string, Write>;
}

let ticks = 0;

export async function makeTarget(bridge: RunningBridge, index: number): Promise<Target> {
  const plexichat = String(175_928_847_299_117_000n + BigInt(index));
  const ids = { plexichat, matrix: `@user${index}:localhost` };
  return { ids, tokens: await makePerson(bridge, ids), writes: new Map() };
}

/** Who is written of through which bridge. */
export type Writing = readonly (readonly [RunningBridge, Target])[];

/** Writes by all writers at once, and kills the victim after `acks` answers, which ends the writing; resolves with the answers seen. */
export async function writeAndKill(victim: RunningBridge, writing: Writing, acks: number): Promise<number> {
  let seen = 0;
  let killed: Promise<unknown> | undefined;
  async function write(bridge: RunningBridge, target: Target, writer: number): Promise<void> {
    while (!killed) {
      const text = `write ${++ticks}`;
      const write: Write = { sent: ticks, acknowledged: Infinity };
      target.writes.set(text, write);
      const status = await put(bridge, target, writer, text);
      if (status === null) return;
      expect(status).toBe(200);
      write.acknowledged = ++ticks;
      if (++seen >= acks) killed ??= victim.end('SIGKILL');
    }
  }
  await Promise.all(
    writing.flatMap(([bridge, target]) =>
      Array.from({ length: WRITERS }, (_, writer) => write(bridge, target, writer)),
    ),
  );
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

/** What both surfaces of a bridge show of her: the same text. */
export async function shownAt(bridge: RunningBridge, { ids, tokens }: Target): Promise<string> {
  const left = await bridge.call('GET', `/api/v1/users/${ids.plexichat}/presence`, tokens.plexichat);
  const right = await bridge.call('GET', `/_matrix/client/v3/presence/${ids.matrix}/status`, tokens.matrix);
  expect(left.status).toBe(200);
  expect(right.body.status_msg ?? null).toBe(left.body.custom_status);
  return left.body.custom_status as string;
}

/** Acknowledged writes that a text cannot come after: it must be of a write after whose acknowledgement no other began. */
export function lostBy(text: string, { writes }: Target): string[] {
  const since = writes.get(text)?.acknowledged ?? 0;
  return [...writes]
    .filter(([, { sent, acknowledged }]) => acknowledged !== Infinity && sent > since)
    .map(([lost]) => lost);
}

/** What was in flight at a kill is decided now: only the kept write may ever be seen again. */
export function settle(text: string, { writes }: Target): void {
  const kept = writes.get(text);
  writes.clear();
  if (kept) writes.set(text, { ...kept, acknowledged: ++ticks });
}

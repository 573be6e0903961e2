import type { Bench } from './bench.ts';
import type { Child } from './child.ts';
import { LOAD_CORE } from './child.ts';
import { openFilesLimit } from './usage.ts';
import { seedContacts, seedFolder, tokenOf } from './world.ts';

/** Those whom everybody in the crowd follows. */
export const TARGETS = 16;
const OBSERVERS = 500;
/** Files that a process has open besides connections. */
const OTHER_FILES = 200;

/** A bridge on which everybody with a token from `observers` follows the targets. */
export async function followedBridge(bench: Bench) {
  const needed = Math.max(...bench.size.sockets, bench.size.waiters) + OTHER_FILES;
  if (openFilesLimit() < needed) throw new Error(`run \`ulimit -n ${needed}\` first`);
  const folder = await bench.folder();
  await seedFolder(folder, TARGETS + OBSERVERS);
  seedContacts(folder, OBSERVERS, TARGETS);
  const bridge = await bench.bridge(folder);
  const observers = (network: 'plexichat' | 'matrix') =>
    Array.from({ length: OBSERVERS }, (_, i) => tokenOf(network, TARGETS + i));
  let said = 0;
  return {
    ...bridge,
    pid: bridge.child.pid ?? 0,
    observers,
    /** A change that nobody has seen before, of the first `targets` at once. */
    announce: async (targets = 1): Promise<void> => {
      const text = `round ${++said}`;
      await Promise.all(
        Array.from({ length: targets }, async (_, n) => {
          const body = { status: 'online', custom_status: text };
          const path = '/api/v1/users/@me/presence';
          const { status } = await bridge.call('PUT', path, tokenOf('plexichat', n), body);
          if (status !== 200) throw new Error(`a change was answered ${status}`);
        }),
      );
    },
  };
}

export type FollowedBridge = Awaited<ReturnType<typeof followedBridge>>;

/** Clients on raw sockets, on the core of those who ask. */
export function startCrowd(bench: Bench, kind: 'sockets' | 'waiters'): Promise<Child> {
  return bench.child(kind, LOAD_CORE);
}

/** Now, by the clock that crowds tell times by, ms since 1970. */
export function clockNow(): number {
  return performance.timeOrigin + performance.now();
}

import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Metrics } from '../../src/metrics/metrics.ts';
import type { DirectoryChange } from '../../src/presence/directory.ts';
import { BridgeError } from '../../src/presence/errors.ts';
import { PROBE_EVERY_MS, probeStore } from '../../src/stores/probe.ts';
import { ManualClock } from '../helpers/clock.ts';

/** A store that takes so long for each commit, and refuses those that `isRefused` says. */
function probed({ takes, isRefused = () => false }: { takes: number; isRefused?: () => boolean }) {
  const clock = new ManualClock();
  const metrics = new Metrics({ process: false });
  const commits: (readonly DirectoryChange[])[] = [];
  const store = {
    commit: async (changes: readonly DirectoryChange[]) => {
      commits.push(changes);
      await setImmediate();
      clock.advance(takes);
      if (isRefused()) throw new BridgeError('store_unavailable');
    },
  };
  const probe = probeStore({ store, clock, metrics });
  const pass = async () => {
    clock.advance(PROBE_EVERY_MS);
    for (let turn = 0; turn < 3; turn++) await setImmediate();
  };
  const own = async () => (await metrics.text()).split('\n').filter((line) => line.startsWith('plexibridge'));
  return { clock, commits, probe, pass, own };
}

it('a commit that tells nothing is timed every 15 s, none before', async () => {
  const { clock, commits, pass, own } = probed({ takes: 30 });
  clock.advance(PROBE_EVERY_MS - 1);
  expect(commits).toEqual([]);
  clock.advance(1);
  await setImmediate();
  await setImmediate();
  expect(commits).toEqual([[{ row: 'meta', key: 'store.probe', value: expect.any(String) }]]);
  await pass();
  expect(await own()).toEqual(
    expect.arrayContaining([
      'plexibridge_store_commit_duration_seconds_bucket{le="0.025"} 0',
      'plexibridge_store_commit_duration_seconds_bucket{le="0.05"} 2',
      'plexibridge_store_commit_duration_seconds_sum 0.06',
      'plexibridge_store_commit_failures_total 0',
    ]),
  );
});

it('one that is refused counts as that, and the next is tried all the same', async () => {
  let refusing = true;
  const { pass, own } = probed({ takes: 1, isRefused: () => refusing });
  await pass();
  await pass();
  refusing = false;
  await pass();
  const lines = await own();
  expect(lines).toContain('plexibridge_store_commit_failures_total 2');
  expect(lines).toContain('plexibridge_store_commit_duration_seconds_count 1');
});

it('nothing is committed once it has ended', async () => {
  const { commits, probe, pass } = probed({ takes: 1 });
  await pass();
  await probe[Symbol.asyncDispose]();
  await pass();
  expect(commits).toHaveLength(1);
});

it('a commit under way when it ends is the last', async () => {
  const { clock, commits, probe, pass } = probed({ takes: 1 });
  clock.advance(PROBE_EVERY_MS);
  await probe[Symbol.asyncDispose]();
  await pass();
  expect(commits).toHaveLength(1);
});

import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { personId, recordOf } from '../contract/records.ts';
import { crashImage, openTestStore, tempFolder, testLogger } from './data-folder.ts';

const ALICE = personId('alice');
const LONG = { text: 'x'.repeat(2000), emoji: null, origin: 'bridge', expiresAt: null } as const;

/** A real file system of one megabyte; null where mounting is not permitted. */
function smallDisk(): string | null {
  const path = tempFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    return null;
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', path]));
  return path;
}

/** Writes until the store refuses; answers the version that was acknowledged last. */
async function fill(store: SqliteStore, from: number): Promise<{ last: number; refusal: unknown }> {
  for (let version = from + 1; ; version++) {
    try {
      await store.compareAndSet(ALICE, version - 1, recordOf(version, { status: LONG }));
    } catch (refusal) {
      return { last: version - 1, refusal };
    }
  }
}

test('a full disk refuses changes, keeps what was acknowledged, and recovers by itself', async (context) => {
  const path = smallDisk();
  if (path === null) {
    console.warn('SKIPPED: mounting is not permitted here, so the disk could not be filled');
    context.skip();
    return;
  }
  const logger = testLogger();
  const ballast = join(path, 'ballast');
  writeFileSync(ballast, Buffer.alloc(300_000));
  const store = await openTestStore(path, { logger });
  await store.commit([{ row: 'meta', key: 'key', value: 'before' }]);

  const { last, refusal } = await fill(store, 0);
  expect(refusal).toMatchObject({ code: 'store_unavailable', message: '' });
  expect(last).toBeGreaterThan(10);
  const changes = [{ row: 'meta', key: 'key', value: LONG.text.repeat(3) } as const];
  await expect(store.commit(changes)).rejects.toMatchObject({ code: 'store_unavailable' });
  expect((await store.get(ALICE))?.version).toBe(last);
  expect(await store.meta('key')).toBe('before');
  const image = await openTestStore(crashImage(path));
  expect((await image.get(ALICE))?.version).toBe(last);
  expect(logger.lines).toEqual([expect.stringMatching(/cannot write.*full/)]);

  rmSync(ballast);
  expect(await store.compareAndSet(ALICE, last, recordOf(last + 1))).toBe(true);
  await store.commit([{ row: 'meta', key: 'key', value: 'after' }]);
  expect(await store.meta('key')).toBe('after');
  expect(logger.lines).toContain('the store writes again');
  const recovered = await openTestStore(crashImage(path));
  expect(await recovered.get(ALICE)).toEqual(recordOf(last + 1));
});

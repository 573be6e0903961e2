import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PresenceRecord } from '../../src/presence/record.ts';
import { openSqliteStore } from '../../src/stores/sqlite/open-store.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import type { Sabotage } from '../helpers/two-worlds.ts';
import { bendStore } from '../helpers/bent-store.ts';
import { makeApp } from '../helpers/app.ts';
import { silentLogger } from '../helpers/logger.ts';

const WRITERS = 64;
const UNA = { plexichat_id: '175928847299117063', matrix_id: '@una:localhost' };

/** Notes every change that the store accepted, in the order of their becoming durable. */
function noting(accepted: PresenceRecord[]): Sabotage {
  return (store) =>
    bendStore(store, {
      compareAndSet: async (person, expected, record) => {
        const done = await store.compareAndSet(person, expected, record);
        if (done) accepted.push(record);
        return done;
      },
    });
}

async function writeAtOnce(store: Parameters<Sabotage>[0]): Promise<void> {
  const accepted: PresenceRecord[] = [];
  const versionOf = (text: string): number =>
    accepted.find(({ status }) => status?.text === text)?.version ?? NaN;
  const { http, call, person } = await makeApp({}, { store, sabotage: noting(accepted) });
  const { plexichat, matrix } = await person(UNA);
  const own = async (): Promise<string> =>
    (await call('GET', `/api/v1/users/${plexichat.id}/presence`, plexichat.token)).body.custom_status;

  const replies = await Promise.all(
    Array.from({ length: WRITERS }, async (_, i) => {
      const text = `write ${i}`;
      const reply =
        i % 2 === 0
          ? await call('PUT', '/api/v1/users/@me/presence', plexichat.token, {
              status: 'online',
              custom_status: text,
            })
          : await call('PUT', `/_matrix/client/v3/presence/${matrix.id}/status`, matrix.token, {
              presence: 'online',
              status_msg: text,
            });
      // Read-your-writes: what is read after the answer is this write or a later one.
      expect(versionOf(await own())).toBeGreaterThanOrEqual(versionOf(text));
      return reply.status;
    }),
  );

  expect(replies).toEqual(Array.from({ length: WRITERS }, () => 200));
  expect(accepted.map(({ version }) => version)).toEqual(Array.from({ length: WRITERS }, (_, i) => i + 1));
  await call('PUT', '/api/v1/users/@me/presence', plexichat.token, { status: 'idle', custom_status: 'last' });
  const { body } = await call('GET', `/_matrix/client/v3/presence/${matrix.id}/status`, matrix.token);
  expect(body).toMatchObject({ presence: 'unavailable', status_msg: 'last' });
  await http.close();
}

describe(`${WRITERS} writers of one person, from both surfaces`, () => {
  it('in memory', () => writeAtOnce(new MemoryStore()));

  it('on disk', async () => {
    const path = await mkdtemp(join(tmpdir(), 'plexibridge-concurrency-'));
    const store = await openSqliteStore({ path, logger: silentLogger });
    try {
      await writeAtOnce(store);
    } finally {
      await store[Symbol.asyncDispose]();
      await rm(path, { recursive: true, force: true });
    }
  });
});

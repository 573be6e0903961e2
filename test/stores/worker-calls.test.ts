import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { prepareFolder } from '../../src/stores/sqlite/folder.ts';
import type { LogBatch, LogReply } from '../../src/stores/sqlite/log-worker.ts';
import { startWorker } from '../../src/stores/sqlite/worker-calls.ts';
import { tempFolder } from './data-folder.ts';

const EMPTY: LogBatch = { seq: 1, folded: 0, body: '', commits: [] };

async function startLog() {
  const folder = tempFolder();
  prepareFolder(folder);
  return startWorker<LogBatch, LogReply>('log-worker', join(folder, 'log.db'));
}

test('a worker that cannot open its file does not start', async () => {
  const missing = join(tempFolder(), 'missing', 'log.db');
  await expect(startWorker('log-worker', missing)).rejects.toThrow('unable to open');
});

test('answers in order, and a failed request is not the last', async () => {
  const log = await startLog();
  onTestFinished(() => log[Symbol.asyncDispose]());
  const meta = { row: 'meta', key: 'key', value: 'value' } as const;
  const replies = await Promise.allSettled([
    log.call(EMPTY),
    log.call({ ...EMPTY, commits: [{ rows: [meta], body: '' }] }),
    log.call({ ...EMPTY, body: 'one' }),
    log.call({ ...EMPTY, body: 'the same row again' }),
    log.call({ ...EMPTY, seq: 2, body: 'two' }),
  ]);
  expect(replies).toMatchObject([
    { value: [] },
    { value: [null] },
    { value: [] },
    { reason: { message: expect.stringContaining('UNIQUE') } },
    { value: [] },
  ]);
});

test('a worker that has ended refuses every call', async () => {
  const log = await startLog();
  await log[Symbol.asyncDispose]();
  await expect(log.call(EMPTY)).rejects.toThrow('the log-worker has ended');
  await expect(log[Symbol.asyncDispose]()).rejects.toThrow('the log-worker has ended');
});

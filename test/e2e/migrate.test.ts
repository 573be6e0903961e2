import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DatabaseSync } from '@photostructure/sqlite';
import { expect, it, onTestFinished } from 'vitest';
import { openSqliteStore } from '../../src/stores/sqlite/open-store.ts';
import { progressOf, TRANSFER_KEY } from '../../src/stores/transfer/progress.ts';
import { TABLE_NAMES } from '../../src/stores/transfer/tables.ts';
import { openTestStore, tempFolder, testLogger } from '../stores/data-folder.ts';
import { describePostgres } from '../stores/postgres/binaries.ts';
import { queryAt, until, useServer } from '../stores/postgres/cluster.ts';
import { openNode } from '../stores/postgres/stores.ts';
import { fill, person, tell } from '../stores/transfer/filled.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const PEOPLE = 10_000;
/** Of how many one is compared with all that belongs to her. */
const EVERY = 40;

/** Kills as soon as the target notes this table; null: as soon as it notes anything. */
const POINTS = [null, 'people', 'addresses', 'tokens', 'contacts', 'presence'] as const;

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly text: () => string;
}

describePostgres('plexibridge migrate', () => {
  const server = useServer();

  it('kill -9 at any point costs a repetition at most: the result is whole, both ways', async () => {
    const [path, back] = [tempFolder(), tempFolder()];
    const store = await openSqliteStore({ path, logger: testLogger() });
    await fill(store, PEOPLE);
    const expected = await tell(store, EVERY);
    await store[Symbol.asyncDispose]();
    const shards = [await server().newDatabase(), await server().newDatabase()];

    await migrateWithKills(['--from', 'sqlite', '--to', 'postgres'], path, shards, () => noteAt(shards[0]!));
    const node = await openNode(shards);
    expect(await tell(node, EVERY)).toEqual(expected);
    await node[Symbol.asyncDispose]();

    await migrateWithKills(['--from', 'postgres', '--to', 'sqlite'], back, shards, () =>
      Promise.resolve(noteIn(back)),
    );
    const again = await openTestStore(back);
    expect(await tell(again, EVERY)).toEqual(expected);
    expect(await again.people.byId(person(PEOPLE))).toBeNull();
  }, 600_000);

  it('says what is wrong with its options and settings', async () => {
    const shards = ['postgres://bridge:SECRET@127.0.0.1:1/bridge'];
    const same = run(['migrate', '--from', 'sqlite', '--to', 'sqlite'], tempFolder(), shards);
    expect([await same.ended, same.text()]).toEqual([1, expect.stringContaining('are the same')]);
    const embedded = run(['migrate', '--from', 'sqlite', '--to', 'postgres'], tempFolder(), []);
    expect([await embedded.ended, embedded.text()]).toEqual([1, expect.stringContaining('store.shards')]);
    const away = run(['migrate', '--from', 'sqlite', '--to', 'postgres'], tempFolder(), shards);
    expect([await away.ended, away.text()]).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
    expect(away.text()).not.toContain('SECRET');
  });
});

describePostgres('plexibridge shards', () => {
  const server = useServer();

  it('lists shards and moves them', async () => {
    const shards = [await server().newDatabase(), await server().newDatabase()];
    const node = await openNode(shards);
    await fill(node, 20);
    const list = run(['shards'], tempFolder(), shards);
    expect([await list.ended, list.text()]).toEqual([
      0,
      expect.stringMatching(/^1 .*, home: 128 shards, \d+ records\n {3}0-127\n2 /m),
    ]);
    const move = run(['shards', 'move', '0-99,255', '--to', '2'], tempFolder(), shards);
    expect([await move.ended, move.text()]).toEqual([
      0,
      expect.stringMatching(
        /^Moved 0-99,255 to 2: \d+ records copied\. Each took no writes for \d+ ms at most\.\n/m,
      ),
    ]);
    const after = run(['shards', 'list'], tempFolder(), shards);
    expect([await after.ended, after.text()]).toEqual([
      0,
      expect.stringMatching(/^2 .*: 228 shards, \d+ records\n {3}0-99,128-255$/m),
    ]);
    expect(await node.get(person(3))).not.toBeNull();
    const wrong = run(['shards', 'move', '300', '--to', '2'], tempFolder(), shards);
    expect([await wrong.ended, wrong.text()]).toEqual([1, expect.stringContaining('300 names no shards')]);
  });
});

/** Kills the command at each of the points, then lets it come to its end. */
async function migrateWithKills(
  args: readonly string[],
  path: string,
  shards: readonly string[],
  note: () => Promise<string | null>,
): Promise<void> {
  const start = () => run(['migrate', ...args], path, shards);
  for (const point of POINTS) {
    await until(async () => {
      const running = start();
      await until(async () => running.child.exitCode !== null || hasCome(await note(), point));
      running.child.kill('SIGKILL');
      const code = await running.ended;
      const refused = code === 1;
      // The server may not know yet that the one before is gone.
      if (refused) expect(running.text()).toContain('plexibridge: migrate');
      else expect([code, await note()]).toEqual([null, expect.any(String)]);
      return !refused;
    });
  }
  await until(async () => {
    const running = start();
    const code = await running.ended;
    if (code === 1) expect(running.text()).toContain('plexibridge: migrate');
    else expect(running.text().match(/^\w+ +\d+ {2}[0-9a-f]{32}$/gm)).toHaveLength(TABLE_NAMES.length);
    return code === 0;
  });
  expect(await note()).toBeNull();
}

function hasCome(note: string | null, point: (typeof POINTS)[number]): boolean {
  if (note === null) return false;
  return point === null || point in progressOf(note).done;
}

async function noteAt(url: string): Promise<string | null> {
  const text = `SELECT value FROM plexibridge.meta WHERE key = '${TRANSFER_KEY}'`;
  return queryAt(url, text).then(
    ([row]) => row?.value ?? null,
    () => null, // not even made
  );
}

function noteIn(path: string): string | null {
  const file = join(path, 'log.db');
  if (!existsSync(file)) return null;
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const row = db.prepare('SELECT value FROM meta WHERE key = ?').get(TRANSFER_KEY);
    return (row as { value: string } | undefined)?.value ?? null;
  } finally {
    db.close();
  }
}

function run(args: readonly string[], path: string, shards: readonly string[]): Running {
  const settings =
    shards.length === 0
      ? {}
      : { PLEXIBRIDGE__STORE__KIND: 'postgres', PLEXIBRIDGE__STORE__SHARDS: shards.join(',') };
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env['PATH'], PLEXIBRIDGE__STORE__PATH: path, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => output.push(text));
  }
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, ended, text: () => output.join('') };
}

import { Client } from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RetentionOptions } from '../../../src/stores/postgres/retention.ts';
import { Retention } from '../../../src/stores/postgres/retention.ts';
import { personId, recordOf } from '../../contract/records.ts';
import { ManualClock } from '../../helpers/clock.ts';
import { settled } from '../../helpers/settled.ts';
import { testLogger } from '../data-folder.ts';
import { describePostgres } from './binaries.ts';
import { queryAt, until, useServer } from './cluster.ts';
import { openFollowing } from './news.ts';
import { openNode } from './stores.ts';

const ALICE = personId('alice');

describePostgres('what is kept of the outbox', () => {
  const server = useServer();

  /** A database with one commit, and statements on its tables. */
  async function database() {
    const url = await server().newDatabase();
    const node = await openNode([url]);
    await node.compareAndSet(ALICE, 0, recordOf(1));
    const inside = `${url}?options=-csearch_path%3Dplexibridge`;
    const query = (text: string) => queryAt(inside, text);
    const commits = async () =>
      Number((await query(`SELECT count(*) FROM outbox WHERE people <> '{}'`))[0].count);
    /** As the look so many minutes from now does it. Whether it emptied anything. */
    const retain = async (minutes: number): Promise<boolean> => {
      const [row] = await query(
        `SELECT retain_outbox(clock_timestamp() + interval '${minutes} min') AS done`,
      );
      return row.done;
    };
    return { url, inside, query, commits, retain };
  }

  it('a commit is kept for ten minutes at least, and for thirty at most', async () => {
    const { commits, retain } = await database();
    let minutes = 0;
    while ((await commits()) > 0 && minutes < 40) await retain(++minutes);
    expect(minutes).toBeGreaterThan(9);
    expect(minutes).toBeLessThanOrEqual(30);
    expect(await retain(minutes)).toBe(false); // there is nothing left
  });

  it('a clock that was put back takes nothing that is young', async () => {
    const { commits, retain } = await database();
    for (let minutes = 0; minutes > -60; minutes--) expect(await retain(minutes)).toBe(false);
    expect(await commits()).toBe(1);
  });

  it('does not make others wait for long where somebody is reading', async () => {
    const { inside, commits, retain } = await database();
    const reader = new Client({ connectionString: inside });
    await reader.connect();
    onTestFinished(() => reader.end());
    await reader.query('BEGIN; SELECT FROM outbox');
    const from = performance.now();
    await expect(retain(20)).rejects.toMatchObject({ code: '55P03' });
    expect(performance.now() - from).toBeLessThan(4_000);
    await reader.query('COMMIT');
    expect(await retain(20)).toBe(true);
    expect(await commits()).toBe(0);
  });

  it('one of those who follow marks the outbox, and empties what is old', async () => {
    const { url, query, commits } = await database();
    // One of a turn ago stays, one of two turns ago goes, wherever in its turn the clock is now.
    await query(`WITH young AS (DELETE FROM outbox RETURNING *)
                 INSERT INTO outbox SELECT outbox_lane(at - age, 0), seq - extract(epoch FROM age)::int, at - age, node,
                   people, records, rows
                 FROM young, unnest('{10 min, 20 min}'::interval[]) AS age`);
    expect(await commits()).toBe(2);
    const { node, news } = await openFollowing([url]);
    await until(async () => (await commits()) === 1);
    const [{ count }] = await query(
      `SELECT count(*) FROM outbox WHERE node = '${node.node}' AND people = '{}'`,
    );
    expect(Number(count)).toBeGreaterThan(1); // one to follow from, and those of the duty
    expect(news.told).toEqual([]);
  });
});

describe('what is done by the clock for all nodes', () => {
  function subject(options: Partial<RetentionOptions> = {}) {
    const clock = new ManualClock();
    const logger = testLogger();
    const statements: string[] = [];
    const trouble = { on: false };
    const primary = (name: string) => ({
      query: (text: string) => {
        statements.push(`${name} ${/mark|retain/.exec(text)?.[0] ?? text}`);
        return trouble.on ? Promise.reject(new Error('down')) : Promise.resolve([]);
      },
    });
    const purge = () => Promise.resolve(void statements.push('purge'));
    const primaries = [primary('one'), primary('two')];
    const retention = new Retention({ primaries, node: 'me', purge, clock, logger, ...options });
    onTestFinished(() => retention[Symbol.asyncDispose]());
    const pass = async (seconds: number) => {
      for (let second = 0; second < seconds; second++) {
        clock.advance(1_000);
        await settled();
      }
    };
    return { statements, trouble, logger, retention, pass };
  }
  const count = (all: readonly string[], what: string) => all.filter((each) => each === what).length;

  it('marks each outbox every five seconds, and looks once a minute for what can be forgotten', async () => {
    const { statements, pass } = subject();
    await settled();
    expect(statements.toSorted()).toEqual(['one mark', 'one retain', 'purge', 'two mark', 'two retain']);
    await pass(59);
    expect(count(statements, 'one mark')).toBe(12);
    expect(count(statements, 'two retain')).toBe(1);
    await pass(1);
    expect(count(statements, 'two mark')).toBe(13);
    expect(count(statements, 'two retain')).toBe(2);
    expect(count(statements, 'purge')).toBe(2);
  });

  it('goes on after trouble, which is told once', async () => {
    const { statements, trouble, logger, pass } = subject();
    await settled();
    trouble.on = true;
    await pass(60);
    expect(logger.lines).toHaveLength(1);
    expect(count(statements, 'purge')).toBe(2);
    trouble.on = false;
    await pass(60);
    expect(count(statements, 'one retain')).toBe(2); // not while the mark failed
    expect(logger.lines).toHaveLength(1);
  });

  it('does one round at a time, and ends with the round that is under way', async () => {
    let release: () => void = () => undefined;
    let rounds = 0;
    const purge = () => {
      rounds++;
      return new Promise<void>((resolve) => (release = resolve));
    };
    const { statements, retention, pass } = subject({ purge });
    await pass(120);
    expect(rounds).toBe(1);
    expect(count(statements, 'one mark')).toBe(1);
    let ended = false;
    const ending = retention[Symbol.asyncDispose]().then(() => (ended = true));
    await settled();
    expect(ended).toBe(false);
    release();
    await ending;
    await pass(60);
    expect(count(statements, 'one mark')).toBe(1);
  });
});

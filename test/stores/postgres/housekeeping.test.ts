import { describe, expect, it } from 'vitest';
import { Housekeeping } from '../../../src/stores/postgres/housekeeping.ts';
import { ManualClock } from '../../helpers/clock.ts';
import { settled } from '../../helpers/settled.ts';
import { testLogger } from '../data-folder.ts';
import { describePostgres } from './binaries.ts';
import { queryAt, useServer } from './cluster.ts';
import { newHome } from './stores.ts';

/** Any instant. */
const AT = '2026-01-01T00:05:00Z';

describe('whoever keeps house', () => {
  it('looks at every primary and all limits each minute, whatever goes wrong', async () => {
    const clock = new ManualClock();
    const done: string[] = [];
    const primary = (id: string) => ({
      id,
      query: () => {
        done.push(id);
        return id === 'b' ? Promise.reject(new Error('down')) : Promise.resolve([]);
      },
    });
    const logger = testLogger();
    const limits = { purge: () => Promise.resolve(void done.push('limits')) };
    const primaries = ['a', 'b', 'c'].map(primary);
    await using _ = new Housekeeping({ primaries, buckets: () => [limits], clock, logger });
    await settled();
    expect(done).toEqual(['a', 'b', 'c', 'limits']);
    expect(logger.lines).toEqual(['old changes stay at primary b for now: Error: down']);
    clock.advance(60_000);
    await settled();
    expect(done).toHaveLength(8);
  });
});

describePostgres('the outbox', () => {
  const server = useServer();

  /** Three lanes with a change each, of which the second comes next. */
  async function filled() {
    const { url, home } = await newHome(server());
    for (const turn of [0, 1, 2]) {
      await queryAt(
        url,
        `INSERT INTO plexibridge.outbox (lane, seq, at, node, people, records)
         VALUES (plexibridge.outbox_lane($1, $2), $2, $1, 'n', '{}', '{}')`,
        [AT, turn],
      );
    }
    const left = async () =>
      (await queryAt(url, 'SELECT seq FROM plexibridge.outbox ORDER BY seq')).map(({ seq }) => Number(seq));
    return { home, left };
  }

  const EMPTY = 'SELECT empty_next_lane($1) AS done';

  it('loses its oldest lane, once', async () => {
    const { home, left } = await filled();
    expect(await home.query(EMPTY, [AT])).toEqual([{ done: true }]);
    expect(await left()).toEqual([0, 2]);
    expect(await home.query(EMPTY, [AT])).toEqual([{ done: false }]);
  });

  it('is left alone while somebody reads it, rather than hold up whoever comes next', async () => {
    const { home, left } = await filled();
    const reader = await home.connect();
    await reader.query('BEGIN; SELECT * FROM outbox');
    await expect(home.query(EMPTY, [AT])).rejects.toMatchObject({ code: 'store_unavailable' });
    await reader.end();
    expect(await left()).toEqual([0, 1, 2]);
    expect(await home.query(EMPTY, [AT])).toEqual([{ done: true }]);
  });
});

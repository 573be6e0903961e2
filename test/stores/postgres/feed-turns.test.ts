import { describe, expect, it, onTestFinished } from 'vitest';
import type { PersonId } from '../../../src/presence/identity.ts';
import type { FeedOptions, Reader } from '../../../src/stores/postgres/feed.ts';
import { Feed } from '../../../src/stores/postgres/feed.ts';
import type { OutboxRow, Position, ReaderEvents } from '../../../src/stores/postgres/outbox-reader.ts';
import { CommitLog } from '../../../src/stores/postgres/own-commits.ts';
import { encodeRecord } from '../../../src/stores/record-codec.ts';
import { personId, recordOf } from '../../contract/records.ts';
import { ManualClock } from '../../helpers/clock.ts';
import { settled } from '../../helpers/settled.ts';
import { testLogger } from '../data-folder.ts';
import { News } from './news.ts';

const [ALICE, BOB, CAROL] = [personId('alice'), personId('bob'), personId('carol')];
const ME = 'me';

/** An outbox in memory, with connections that can be cut. */
class Outbox {
  rows: OutboxRow[] = [];
  life = 'one';
  forgetful = false;
  down = false;
  readonly opened: number[] = [];
  reads = 0;
  /** What goes on while the rows are on their way. */
  meanwhile: () => void = () => undefined;
  readonly #clock: ManualClock;
  #connection: { events: ReaderEvents; cut: boolean } | null = null;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  append(node: string, row: Partial<Pick<OutboxRow, 'people' | 'records' | 'rows'>> = {}): OutboxRow {
    const seq = (this.rows.at(-1)?.seq ?? 0) + 1;
    const records = row.people?.map(() => encodeRecord(recordOf(seq))) ?? [];
    const full = { seq, at: `at ${seq}`, node, people: [], records, rows: null, delay: 0.25, ...row };
    this.rows.push(full);
    return full;
  }

  put(node: string, ...people: PersonId[]): OutboxRow {
    return this.append(node, { people });
  }

  notify(): void {
    this.#connection?.events.notified('');
  }

  cut(): void {
    const connection = this.#connection;
    if (connection) connection.cut = true;
    connection?.events.broken();
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- as a connection does it
  async open(events: ReaderEvents): Promise<Reader> {
    this.opened.push(this.#clock.now());
    if (this.down) throw new Error('down');
    const connection = { events, cut: false };
    this.#connection = connection;
    const demand = () => {
      if (connection.cut || this.down) throw new Error('cut');
    };
    return {
      life: this.life,
      forgetful: this.forgetful,
      // eslint-disable-next-line @typescript-eslint/require-await
      mark: async (node) => {
        demand();
        return this.append(node);
      },
      // eslint-disable-next-line @typescript-eslint/require-await
      read: async (position: Position, limit) => {
        this.reads++;
        demand();
        const at = this.rows.findIndex(({ seq }) => seq === position.seq);
        if (at < 0) return { kind: 'lost', rewound: false };
        const rows = this.rows.slice(at + 1, at + 1 + limit);
        this.meanwhile();
        return { kind: 'rows', rows, isLast: rows.length < limit };
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}

async function subject(options: Partial<FeedOptions> = {}) {
  const clock = new ManualClock();
  const outbox = new Outbox(clock);
  const commits = new CommitLog();
  const news = new News();
  const logger = testLogger();
  const remembered: string[] = [];
  const measured: string[] = [];
  const feed = new Feed({
    primary: 'primary',
    place: 'place',
    node: ME,
    open: (events) => outbox.open(events),
    commits,
    remembered: {
      recordChanged: (person, { seq }, record) => {
        remembered.push(`${person} ${seq} ${record()?.version ?? 'gone'}`);
      },
      directoryChanged: (rows) => void remembered.push(...rows.map(({ table }) => table)),
      clear: () => void remembered.push('cleared'),
    },
    tell: (tell) => tell(news),
    notified: () => undefined,
    metrics: {
      delay: (_place, seconds) => void measured.push(`delay ${seconds}`),
      age: (_place, seconds) => void measured.push(`age ${seconds}`),
      lost: () => void measured.push('lost'),
    },
    logger,
    clock,
    random: () => 1,
    ...options,
  });
  await feed.start();
  remembered.length = 0;
  onTestFinished(() => feed[Symbol.asyncDispose]());
  const notify = async () => {
    outbox.notify();
    await settled();
  };
  /** Turns the clock by so many seconds, with time for whatever falls due. */
  const pass = async (seconds: number, each: () => void = () => undefined) => {
    for (let tick = 0; tick < seconds * 10; tick++) {
      clock.advance(100);
      each();
      await settled();
    }
  };
  return { clock, outbox, commits, news, logger, remembered, measured, feed, notify, pass };
}

const contact = { table: 'contacts', owner: 'alice', target: 'bob' };

describe('the turns of a feed', () => {
  it('tells of commits in their order, records that follow each other at once, and who may see whom first', async () => {
    const { outbox, news, notify } = await subject();
    outbox.put('another', ALICE, BOB);
    outbox.put('another', ALICE);
    outbox.append('another', { people: [CAROL], rows: [contact] });
    outbox.put('another', BOB);
    const calls: number[] = [];
    news.meanwhile = () => Promise.resolve(calls.push(news.told.length));
    await notify();
    expect(news.told).toEqual(['record alice', 'record bob', 'pair alice bob', 'record carol', 'record bob']);
    expect(calls).toEqual([0, 2, 3]);
  });

  it('brings what is remembered up to all that it has read before it tells of any of it', async () => {
    const { outbox, news, remembered, feed, notify } = await subject();
    const last = [outbox.put('another', ALICE), outbox.append('another', { rows: [contact] })].at(-1);
    let known: unknown;
    news.meanwhile = () => Promise.resolve((known ??= [...remembered, feed.heardOf]));
    await notify();
    expect(known).toEqual(['alice 2 2', 'contacts', last?.seq]);
  });

  it('reads on only when the follower has taken what was read', async () => {
    const { outbox, news, remembered, notify, pass } = await subject();
    let release: () => void = () => undefined;
    news.meanwhile = () => new Promise<void>((resolve) => (release = resolve));
    for (let count = 0; count < 150; count++) outbox.put('another', ALICE);
    await notify();
    await pass(5);
    expect(outbox.reads).toBe(1);
    expect(remembered).toHaveLength(100);
    news.meanwhile = () => Promise.resolve();
    release();
    await settled();
    expect(remembered).toHaveLength(150);
  });

  it('of its own commits tells none that it has acknowledged, and every other', async () => {
    const { outbox, commits, news, remembered, notify } = await subject();
    const [acknowledged, lost, late] = [1, 2, 3].map(() => commits.begin('primary'));
    acknowledged!(outbox.put(ME, ALICE).seq);
    outbox.put(ME, BOB);
    lost!(null);
    const { seq } = outbox.put(ME, CAROL);
    outbox.put('another', ALICE);
    await notify();
    expect(remembered).toEqual(['alice 2 2', 'bob 3 3', 'carol 4 4', 'alice 5 5']);
    expect(news.told).toEqual([]); // one of them may still be acknowledged
    late!(seq);
    await settled();
    expect(news.told).toEqual(['record bob', 'record alice']);
  });

  it('finds out when its own commits are not where it reads', async () => {
    const { outbox, commits, news, feed, notify, pass } = await subject();
    outbox.put('another', ALICE);
    commits.begin('primary')(2);
    await notify();
    expect(feed.isCurrent).toBe(true);
    commits.begin('primary')(3);
    await notify();
    expect(feed.isCurrent).toBe(false);
    await pass(1);
    expect(news.told).toEqual(['record alice', 'missed, rewound']);
    expect(feed.isCurrent).toBe(true);
  });

  it('passes over what it cannot read, and says that something was missed', async () => {
    const { outbox, news, logger, measured, notify } = await subject();
    outbox.append('another', { people: [ALICE], records: ['no record'] });
    await notify();
    expect(news.told).toEqual(['missed']);
    expect(measured).toContain('lost');
    expect(logger.lines[0]).toMatch(/a commit after 1 cannot be read/);
    outbox.put('another', BOB);
    await notify();
    expect(news.told).toEqual(['missed', 'record bob']);
  });

  it('believes for three seconds that it knows of everything, and not at all once its connection is broken', async () => {
    const { clock, outbox, feed, pass } = await subject();
    expect(feed.isCurrent).toBe(true);
    outbox.down = true; // and nobody says so
    clock.advance(2_999);
    expect(feed.isCurrent).toBe(true);
    clock.advance(1);
    expect(feed.isCurrent).toBe(false);
    outbox.down = false;
    await pass(6);
    expect(feed.isCurrent).toBe(true);
    outbox.cut();
    expect(feed.isCurrent).toBe(false);
    await pass(1);
    expect(feed.isCurrent).toBe(true);
  });

  it('what was on its way for long is as old as it looks', async () => {
    const { clock, outbox, feed, notify } = await subject();
    clock.advance(500);
    outbox.meanwhile = () => clock.advance(400);
    outbox.put('another', ALICE);
    await notify();
    clock.advance(2_599);
    expect(feed.isCurrent).toBe(true);
    clock.advance(1);
    expect(feed.isCurrent).toBe(false);
    outbox.meanwhile = () => undefined;
  });

  it('is not up to date before it has read to the end', async () => {
    const { clock, outbox, feed, news, notify, pass } = await subject();
    let release: () => void = () => undefined;
    news.meanwhile = () => new Promise<void>((resolve) => (release = resolve));
    for (let count = 0; count < 250; count++) outbox.put('another', ALICE);
    await pass(2.5);
    await notify();
    clock.advance(1_000);
    expect(feed.isCurrent).toBe(false);
    release();
    await settled();
    expect(feed.isCurrent).toBe(false);
    news.meanwhile = () => Promise.resolve();
    release();
    await settled();
    expect(feed.isCurrent).toBe(true);
  });

  it.each([
    { what: 'goes on where it was', change: () => undefined, told: ['record alice'] },
    {
      what: 'reads all again where the database has another history',
      change: (outbox: Outbox) => (outbox.life = 'two'),
      told: ['missed, rewound'],
    },
    {
      what: 'reads all again where the database may have forgotten what it showed',
      change: (outbox: Outbox) => (outbox.forgetful = true),
      told: ['missed, rewound'],
    },
    {
      what: 'reads all again where its place is gone',
      change: (outbox: Outbox) => (outbox.rows = outbox.rows.slice(-1)),
      told: ['missed'],
    },
  ])('after a lost connection it $what', async ({ change, told }) => {
    const { outbox, news, remembered, pass } = await subject();
    outbox.cut();
    outbox.put('another', ALICE);
    change(outbox);
    await pass(0.5);
    expect(news.told).toEqual(told);
    expect(remembered).toEqual(told[0] === 'record alice' ? ['alice 2 2'] : ['cleared']);
    outbox.put('another', BOB);
    await pass(2);
    expect(news.told).toEqual([...told, 'record bob']);
  });

  it('tries again ever more slowly, says so once, and begins anew after a success', async () => {
    const { outbox, logger, pass } = await subject();
    outbox.opened.length = 0;
    outbox.down = true;
    outbox.cut();
    await pass(30);
    const waits = outbox.opened.map((at, index) => at - (outbox.opened[index - 1] ?? at));
    expect(waits).toEqual([0, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, 5_000]);
    expect(logger.lines).toHaveLength(1);
    outbox.down = false;
    await pass(5);
    expect(logger.lines.at(-1)).toBe('place: other nodes are heard again');
    outbox.opened.length = 0;
    outbox.cut();
    await pass(0.2);
    expect(outbox.opened).toHaveLength(1);
  });

  it('measures the time since it last knew everything', async () => {
    const { outbox, measured, pass } = await subject();
    await pass(2);
    expect(measured).toEqual(['age 1', 'age 1']);
    outbox.down = true;
    await pass(3);
    outbox.down = false;
    await pass(3);
    expect(measured).toEqual(['age 1', 'age 1', 'age 1', 'age 2', 'age 3', 'age 4', 'age 1', 'age 1']);
  });

  it('measures nothing of what anybody does', async () => {
    const worlds = await Promise.all([subject(), subject()]);
    for (const [index, { outbox, pass }] of worlds.entries()) {
      let tick = 0;
      await pass(10, () => {
        if (++tick % 50 === 0) outbox.append('another'); // what the bridge does by the clock
        if (index === 1 && tick % 7 === 0) {
          outbox.put('another', ALICE);
          outbox.notify();
        }
      });
    }
    const [quiet, busy] = worlds;
    expect(busy.news.told.length).toBeGreaterThan(5);
    expect(quiet.measured).toContain('delay 0.25');
    expect(busy.measured).toEqual(quiet.measured);
  });

  it('ends when the follower has taken what it was told', async () => {
    const { outbox, news, feed, notify } = await subject();
    let release: () => void = () => undefined;
    news.meanwhile = () => new Promise<void>((resolve) => (release = resolve));
    outbox.put('another', ALICE);
    await notify();
    let ended = false;
    const ending = feed[Symbol.asyncDispose]().then(() => (ended = true));
    await settled();
    expect(ended).toBe(false);
    release();
    await ending;
    outbox.put('another', BOB);
    await notify();
    expect(news.told).toEqual(['record alice']);
  });
});

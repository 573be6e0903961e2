import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/presence/clock.ts';
import { BridgeError } from '../../../src/presence/errors.ts';
import type { DutiesOptions, Terms } from '../../../src/stores/postgres/duties.ts';
import { Duties } from '../../../src/stores/postgres/duties.ts';
import { ManualClock } from '../../helpers/clock.ts';
import { settled } from '../../helpers/settled.ts';
import { testLogger } from '../data-folder.ts';
import { describePostgres } from './binaries.ts';
import { until, useServer } from './cluster.ts';
import { openFollowing } from './news.ts';
import { openNode } from './stores.ts';
import { Wire } from './wire.ts';

/** Short, and far enough apart for a slow machine. */
const QUICK: Terms = { term: 3_000, margin: 1_500, renewal: 300 };
/** So long that within a test only what is given back changes hands. */
const LONG: Terms = { term: 600_000, margin: 1_000, renewal: 200_000 };

/** What nodes do of one duty, in the order in which they do it; ending takes a moment. */
class Work {
  readonly log: string[] = [];
  doing: string[] = [];
  most = 0;

  by(name: string): () => AsyncDisposable {
    return () => {
      this.log.push(`${name} begins`);
      this.doing.push(name);
      this.most = Math.max(this.most, this.doing.length);
      return {
        [Symbol.asyncDispose]: async () => {
          await new Promise((resolve) => setImmediate(resolve));
          this.doing = this.doing.filter((each) => each !== name);
          this.log.push(`${name} ends`);
        },
      };
    };
  }
}

describePostgres('duties', () => {
  const server = useServer();

  it('one of all nodes at a time has a duty, and every duty somebody', async () => {
    const url = await server().newDatabase();
    const [work, other] = [new Work(), new Work()];
    const holds = new Map<string, AsyncDisposable>();
    for (const name of ['a', 'b', 'c']) {
      const { node } = await openFollowing([url], { terms: LONG });
      node.hold('other', other.by(name));
      holds.set(name, node.hold('work', work.by(name)));
    }
    const order: string[] = [];
    while (holds.size > 0) {
      await until(() => work.doing.length === 1);
      const [name = ''] = work.doing;
      order.push(name);
      // Given back, it is taken up by another at once: much sooner than it would be claimed again.
      await holds.get(name)?.[Symbol.asyncDispose]();
      holds.delete(name);
    }
    expect(order.toSorted()).toEqual(['a', 'b', 'c']);
    expect(work.log).toEqual(order.flatMap((name) => [`${name} begins`, `${name} ends`]));
    expect(work.most).toBe(1);
    expect(other.doing).toHaveLength(1);
  });

  it('is claimed again and again by whoever has it', async () => {
    const url = await server().newDatabase();
    const work = new Work();
    const nodes = [await openNode([url], { terms: QUICK }), await openNode([url], { terms: QUICK })];
    nodes.forEach((node, index) => node.hold('work', work.by(String(index))));
    await until(() => work.doing.length === 1);
    const ended = performance.now() + 2 * QUICK.term;
    await until(() => performance.now() > ended);
    expect(work.log).toHaveLength(1);
  });

  it('a node that is cut off lets go by its own clock before another begins', async () => {
    const url = await server().newDatabase();
    const wire = await Wire.to(server().port);
    const work = new Work();
    const [lost, other] = [
      await openNode([wire.through(url)], { terms: QUICK }),
      await openNode([url], { terms: QUICK }),
    ];
    lost.hold('work', work.by('lost'));
    await until(() => work.doing.length === 1);
    other.hold('work', work.by('other'));
    wire.break();
    await until(() => work.doing.includes('other'));
    expect(work.log).toEqual(['lost begins', 'lost ends', 'other begins']);
    // Back again, it waits for its turn.
    wire.mend();
    await other[Symbol.asyncDispose]();
    await until(() => work.doing.includes('lost'));
    expect(work.most).toBe(1);
  });

  it('a node whose statements hang lets go by its own clock before another begins', async () => {
    const url = await server().newDatabase();
    const work = new Work();
    const other = await openNode([url], { terms: QUICK });
    const halted = await openNode([url], { terms: QUICK });
    halted.hold('work', work.by('halted'));
    await until(() => work.doing.length === 1);
    other.hold('work', work.by('other'));
    // Its connections end, and new ones are not answered: it hears nothing of anybody, and nobody of it.
    server().pause();
    const paused = performance.now();
    await until(() => work.log.includes('halted ends'));
    expect(performance.now() - paused).toBeLessThan(QUICK.term);
    server().resume();
    await until(() => work.doing.length === 1);
    expect(work.most).toBe(1);
  });

  it('is kept from whoever holds it twice on one node', async () => {
    const node = await openNode([await server().newDatabase()], { terms: QUICK });
    const work = new Work();
    const first = node.hold('work', work.by('first'));
    await until(() => work.doing.length === 1);
    node.hold('work', work.by('second'));
    const tried = performance.now() + 4 * QUICK.renewal;
    await until(() => performance.now() > tried);
    expect(work.doing).toEqual(['first']);
    await first[Symbol.asyncDispose]();
    await until(() => work.doing.length === 1);
    expect(work.log).toEqual(['first begins', 'first ends', 'second begins']);
  });

  it('is given back by a node that is closed', async () => {
    const url = await server().newDatabase();
    const work = new Work();
    const { node } = await openFollowing([url], { terms: LONG });
    node.hold('work', work.by('first'));
    await until(() => work.doing.length === 1);
    await node[Symbol.asyncDispose]();
    expect(work.doing).toEqual([]);
    const later = await openNode([url], { terms: LONG });
    later.hold('work', work.by('later'));
    await until(() => work.doing.includes('later'));
  });
});

/** A table of one duty that answers when the test says so. */
function subject(options: Partial<DutiesOptions> = {}) {
  const clock = new ManualClock();
  const logger = testLogger();
  const answers: ((rows: { name: string }[] | null) => void)[] = [];
  const statements: string[] = [];
  const home: DutiesOptions['home'] = {
    query: (text: string) => {
      statements.push(text.includes('DELETE') ? 'give' : 'claim');
      if (text.includes('DELETE')) return Promise.resolve([]);
      return new Promise<any>((resolve, reject) => {
        answers.push((rows) => {
          if (rows) resolve(rows);
          else reject(new BridgeError('store_unavailable'));
        });
      });
    },
  };
  const terms = { term: 10_000, margin: 3_000, renewal: 3_000 };
  const duties = new Duties({ home, node: 'me', clock, logger, terms, ...options });
  const work = new Work();
  const answer = async (how: 'mine' | 'not' | 'trouble') => {
    answers.shift()?.(how === 'trouble' ? null : how === 'mine' ? [{ name: 'work' }] : []);
    await settled();
  };
  const pass = async (ms: number) => {
    clock.advance(ms);
    await settled();
  };
  return { clock, logger, duties, work, answers, statements, answer, pass };
}

describe('the terms of a duty', () => {
  it('trouble with the database ends it in time, not before', async () => {
    const { duties, work, answer, pass, logger } = subject();
    const held = duties.hold('work', work.by('me'));
    await answer('mine');
    await pass(3_000);
    await answer('trouble');
    await pass(3_000);
    await answer('trouble');
    expect(work.doing).toEqual(['me']);
    await pass(999);
    expect(work.doing).toEqual(['me']);
    await pass(1);
    expect(work.doing).toEqual([]);
    expect(logger.lines).toEqual(['the duty work was lost; another node will do it']);
    await pass(2_000);
    await answer('mine');
    expect(work.doing).toEqual(['me']);
    await held[Symbol.asyncDispose]();
  });

  it('counts from when it was claimed, not from when that was answered', async () => {
    const { duties, work, answer, pass } = subject();
    duties.hold('work', work.by('me'));
    await pass(6_000);
    await answer('mine');
    expect(work.doing).toEqual(['me']);
    await pass(999);
    expect(work.doing).toEqual(['me']);
    await pass(1);
    expect(work.doing).toEqual([]);
  });

  it('an answer that comes too late is worth nothing', async () => {
    const { duties, work, answer, pass } = subject();
    duties.hold('work', work.by('me'));
    await pass(7_000);
    await answer('mine');
    expect(work.log).toEqual([]);
  });

  it('is lost as soon as the database says so', async () => {
    const { duties, work, answer, pass } = subject();
    duties.hold('work', work.by('me'));
    await answer('mine');
    await pass(3_000);
    await answer('not');
    expect(work.log).toEqual(['me begins', 'me ends']);
  });

  it.each(['by the clock', 'because it was told to'])(
    'a machine that stood still lets go before it does more, though it claims anew %s',
    async (why) => {
      const inner = new ManualClock();
      let slept = 0;
      const clock: Clock = { now: () => inner.now() + slept, after: (ms, task) => inner.after(ms, task) };
      const { duties, work, answer } = subject({ clock });
      duties.hold('work', work.by('me'));
      await answer('mine');
      slept = 60_000; // and its timers have not moved on meanwhile
      if (why === 'by the clock') inner.advance(3_000);
      else duties.notified('duty work');
      await answer('mine');
      expect(work.log.slice(0, 2)).toEqual(['me begins', 'me ends']);
      inner.advance(3_000);
      await answer('mine');
      expect(work.doing).toEqual(['me']);
    },
  );

  it('work that cannot begin or end is told of, and tried again', async () => {
    const { duties, logger, answer, pass } = subject();
    let tries = 0;
    duties.hold('work', () => {
      if (++tries === 1) throw new Error('not today');
      return { [Symbol.asyncDispose]: () => Promise.reject(new Error('stuck')) };
    });
    await answer('mine');
    await pass(3_000);
    await answer('mine');
    expect(tries).toBe(2);
    await pass(3_000);
    await answer('not');
    expect(logger.lines.filter((line) => line.includes('could not be done'))).toEqual([
      expect.stringContaining('not today'),
      expect.stringContaining('stuck'),
    ]);
  });

  it('is claimed at once when another gives it back', async () => {
    const { duties, work, answers, answer } = subject();
    duties.hold('work', work.by('me'));
    await answer('not');
    duties.notified('17');
    duties.notified('duty else');
    expect(answers).toHaveLength(0);
    duties.notified('duty work');
    await answer('mine');
    expect(work.doing).toEqual(['me']);
  });

  it('is not given back before its work has ended', async () => {
    const { duties, statements, answer } = subject();
    let end: () => void = () => undefined;
    const held = duties.hold('work', () => {
      return { [Symbol.asyncDispose]: () => new Promise<void>((resolve) => (end = resolve)) };
    });
    await answer('mine');
    const ending = held[Symbol.asyncDispose]();
    await settled();
    expect(statements).toEqual(['claim']);
    end();
    await ending;
    expect(statements).toEqual(['claim', 'give']);
  });

  it('is given back once its work has ended and no claim is under way', async () => {
    const { duties, work, statements, answers, answer, pass } = subject();
    const held = duties.hold('work', work.by('me'));
    await answer('mine');
    await pass(3_000);
    const ending = held[Symbol.asyncDispose]();
    await settled();
    expect(work.doing).toEqual([]);
    expect(statements).toEqual(['claim', 'claim']);
    await answer('mine');
    await ending;
    expect(statements).toEqual(['claim', 'claim', 'give']);
    await pass(60_000);
    expect(answers).toHaveLength(0);
    expect(work.log).toEqual(['me begins', 'me ends']);
  });
});

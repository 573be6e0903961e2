import { describe, expect, it, onTestFinished } from 'vitest';
import { Duties } from '../../../src/stores/postgres/duties.ts';
import { ManualClock } from '../../helpers/clock.ts';
import { settled } from '../../helpers/settled.ts';
import { testLogger } from '../data-folder.ts';
import { describePostgres } from './binaries.ts';
import { queryAt, until, useServer } from './cluster.ts';
import { openNode } from './stores.ts';

const NAME = 'sweeping';

/** A home that keeps one duty as the real one does, by the clock of the test. */
class FakeHome {
  readonly #clock: ManualClock;
  holder: { node: string; until: number } | null = null;
  /** Answers hang until this resolves. */
  hanging: Promise<void> | null = null;
  down = false;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  async query<Row>(text: string, [, node, seconds]: readonly unknown[] = []): Promise<Row[]> {
    await this.hanging;
    if (this.down) throw new Error('home is down');
    if (text.startsWith('DELETE')) {
      if (this.holder?.node === node) this.holder = null;
      return [];
    }
    const now = this.#clock.now();
    if (this.holder && this.holder.node !== node && this.holder.until >= now) return [];
    this.holder = { node: String(node), until: now + Number(seconds) * 1000 };
    return [{ node } as Row];
  }
}

describe('a duty', () => {
  /** Nodes that want the same duty, and what each of them has done. */
  function nodes(count: number) {
    const clock = new ManualClock();
    const home = new FakeHome(clock);
    const log: string[] = [];
    const all = Array.from({ length: count }, (_, index) => {
      const node = `n${index}`;
      const duties = new Duties({ home, node, clock, logger: testLogger() });
      const held = duties.hold(NAME, () => {
        log.push(`${node} begins`);
        return {
          [Symbol.asyncDispose]: () => {
            log.push(`${node} ends`);
            return Promise.resolve();
          },
        };
      });
      return { duties, held };
    });
    onTestFinished(async () => {
      for (const { duties } of all) await duties[Symbol.asyncDispose]();
    });
    const pass = async (ms: number, step = 500) => {
      for (let left = ms; left > 0; left -= step) {
        clock.advance(Math.min(step, left));
        await settled();
      }
    };
    return { clock, home, log, all, pass };
  }

  it('is done by one node, and stays with it', async () => {
    const { log, pass } = nodes(3);
    await pass(60_000);
    expect(log).toEqual(['n0 begins']);
  });

  it('goes to another when it is given back, in its next round', async () => {
    const { log, all, pass } = nodes(2);
    await settled();
    await all[0]!.held[Symbol.asyncDispose]();
    await pass(3_000);
    expect(log).toEqual(['n0 begins', 'n0 ends', 'n1 begins']);
  });

  it('is given up in time by a node that cannot reach home, and taken up again', async () => {
    const { home, log, all, pass } = nodes(1);
    await settled();
    home.down = true;
    await pass(6_500);
    expect(log).toEqual(['n0 begins']);
    await pass(500);
    expect(log).toEqual(['n0 begins', 'n0 ends']);
    home.down = false;
    await pass(3_000);
    expect(log).toEqual(['n0 begins', 'n0 ends', 'n0 begins']);
    await all[0]!.duties[Symbol.asyncDispose]();
    expect(log.at(-1)).toBe('n0 ends');
  });

  it('is given up in time also while home does not answer', async () => {
    const { home, log, pass } = nodes(1);
    await settled();
    let answer = (): void => undefined;
    home.hanging = new Promise((resolve) => (answer = resolve));
    await pass(7_000);
    expect(log).toEqual(['n0 begins', 'n0 ends']);
    // Another node has it by now; the late answer must not make this one begin.
    home.holder = { node: 'another', until: Infinity };
    answer();
    await pass(20_000);
    expect(log).toHaveLength(2);
  });

  it('is given up by a process that was stopped, before it asks whether it still has it', async () => {
    const { clock, home, log } = nodes(1);
    await settled();
    let answer = (): void => undefined;
    home.hanging = new Promise((resolve) => (answer = resolve));
    clock.advance(100_000); // the timer of its next round comes first
    await settled();
    expect(log).toEqual(['n0 begins', 'n0 ends']);
    answer();
  });

  it('is not begun on an answer that came too late', async () => {
    const { clock, home, log, pass } = nodes(0);
    let answer = (): void => undefined;
    home.hanging = new Promise((resolve) => (answer = resolve));
    const duties = new Duties({ home, node: 'late', clock, logger: testLogger() });
    duties.hold(NAME, () => {
      log.push('begins');
      return { [Symbol.asyncDispose]: () => Promise.resolve() };
    });
    clock.advance(7_000);
    home.hanging = null;
    answer();
    await settled();
    expect(log).toEqual([]);
    await pass(3_000);
    expect(log).toEqual(['begins']);
    await duties[Symbol.asyncDispose]();
  });
});

describePostgres('duties of a cluster', () => {
  const server = useServer();

  it('fall to one node, and to another once that one has not been heard of', async () => {
    const url = await server().newDatabase();
    const begun: string[] = [];
    const nodes = [await openNode([url]), await openNode([url])];
    for (const node of nodes) {
      node.hold(NAME, () => {
        begun.push(node.node);
        return { [Symbol.asyncDispose]: () => Promise.resolve() };
      });
    }
    await until(() => begun.length > 0);
    const [first] = begun;
    expect(await queryAt(url, `SELECT node FROM plexibridge.duties WHERE name = '${NAME}'`)).toEqual([
      { node: first },
    ]);
    // As if it had died: its word is not renewed by anybody who lives.
    await nodes.find(({ node }) => node === first)![Symbol.asyncDispose]();
    await until(() => begun.length > 1);
    expect(begun[1]).not.toBe(first);
  });
});

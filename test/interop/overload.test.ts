import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Reply, TestApp, TestPerson } from '../helpers/app.ts';
import { makeApp } from '../helpers/app.ts';
import { BatchedStore } from '../helpers/batched-store.ts';
import { settled } from '../helpers/settled.ts';
import { apiOf, misshapen } from '../trust/error-forms.ts';

/** The most writes that wait for a commit. */
const QUEUE = 30;
/** What the store can take while one commit runs, and three times as much. */
const CAPACITY = QUEUE;
const WRITERS = 3 * CAPACITY;
const SURFACES = 3;

let slow: BatchedStore;
let app: TestApp;
let people: TestPerson[];

interface Outcome {
  readonly writer: number;
  readonly text: string;
  readonly url: string;
  readonly reply: Reply;
  /** Commits that ended between the request and its answer. */
  readonly waited: number;
}

beforeEach(async () => {
  slow = new BatchedStore(QUEUE);
  app = await makeApp({}, { store: slow.store });
  people = [];
  for (let i = 0; i < WRITERS; i++) {
    const id = String(175_928_847_299_117_000n + BigInt(i));
    people.push(await app.person({ plexichat_id: id, matrix_id: `@user${i}:localhost` }));
  }
});
afterEach(() => app.http.close());

/** A write through one of the surfaces. */
async function write(writer: number, text: string, surface = writer % SURFACES): Promise<Outcome> {
  const { plexichat, matrix } = people[writer]!;
  const since = slow.commits;
  const ways = [
    ['/api/v1/users/@me/presence', plexichat.token, { status: 'online', custom_status: text }],
    [
      `/_matrix/client/v3/presence/${matrix.id}/status`,
      matrix.token,
      { presence: 'online', status_msg: text },
    ],
    ['/bridge/v1/me/mode', plexichat.token, { mode: 'online', text }],
  ] as const;
  const [url, token, body] = ways[surface]!;
  const reply = await app.call('PUT', url, token, body);
  return { writer, text, url, reply, waited: slow.commits - since };
}

async function textOf(writer: number): Promise<string | null> {
  const { plexichat } = people[writer]!;
  return (await app.call('GET', '/api/v1/users/@me/presence', plexichat.token)).body.custom_status;
}

const isDone = ({ reply }: Outcome) => reply.status === 200;

describe('at three times what the store can take', () => {
  it('the rest is refused at once in its own form, nothing acknowledged is lost, and it is over when it is over', async () => {
    slow.stall();
    const refusedEarly: Outcome[] = [];
    const [first, ...others] = people.map((_, i) => async () => {
      const told = await write(i, `first ${i}`);
      if (slow.commits === 0) refusedEarly.push(told);
      return told;
    });
    const underWay = first!();
    await settled();
    const all = [underWay, ...others.map((begin) => begin())];
    while (refusedEarly.length < WRITERS - 1 - QUEUE) await settled();
    await settled();
    // Nothing has been committed, and whoever will not be is told already.
    expect(refusedEarly).toHaveLength(WRITERS - 1 - QUEUE);
    const latecomers = refusedEarly.slice(0, SURFACES).map(({ writer }, i) => write(writer, 'late', i));
    const late = await Promise.all(latecomers);
    for (const { url, reply } of [...refusedEarly, ...late]) {
      expect([reply.status, reply.headers['retry-after']]).toEqual([503, '1']);
      expect(misshapen(apiOf(url), 503, reply.text)).toBeNull();
    }
    expect(new Set(late.map(({ url }) => apiOf(url))).size).toBe(SURFACES);
    // Reads go on.
    expect(await textOf(0)).toBeNull();

    slow.run();
    const outcomes = await Promise.all(all);
    expect(outcomes.filter(isDone)).toHaveLength(WRITERS - refusedEarly.length);
    for (const { writer, text, reply } of outcomes) {
      expect(await textOf(writer)).toBe(reply.status === 200 ? text : null);
    }
    for (const { writer } of refusedEarly) expect((await write(writer, 'again')).reply.status).toBe(200);
  });

  it('for as long as it lasts, who is let in waits for two commits at most', async () => {
    slow.stall();
    const ROUNDS = 20;
    const kept = new Map<number, string>();
    const waits: number[] = [];
    let refused = 0;
    const ended = new AbortController();
    const running = () => !ended.signal.aborted;
    /** Says one thing after the other, and tries again when it is refused, once a commit has ended. */
    async function insist(writer: number): Promise<void> {
      for (let i = 0; running(); i++) {
        const outcome = await write(writer, `${writer} says ${i}`);
        if (isDone(outcome)) {
          kept.set(writer, outcome.text);
          waits.push(outcome.waited);
        } else {
          expect(outcome.reply.status).toBe(503);
          refused++;
          const commits = slow.commits;
          while (running() && slow.commits === commits) await settled();
        }
      }
    }
    const writers = people.map((_, i) => insist(i));
    for (let round = 0; round < ROUNDS; round++) {
      await settled();
      await slow.step();
    }
    ended.abort();
    slow.run();
    await Promise.all(writers);
    expect(refused).toBeGreaterThan(ROUNDS);
    expect(waits.length).toBeGreaterThan(ROUNDS * (CAPACITY / 2));
    expect(Math.max(...waits)).toBeLessThanOrEqual(2);
    for (const [writer, text] of kept) expect(await textOf(writer)).toBe(text);
    const after = await Promise.all(people.slice(0, CAPACITY).map((_, i) => write(i, 'after')));
    expect(after.every(isDone)).toBe(true);
  });
});

describe('turns are bounded, too', () => {
  it('of one person, whose limits the operator has lifted', async () => {
    slow.stall();
    const all = Array.from({ length: 1100 }, (_, i) => write(0, `${i}`));
    await settled();
    slow.run();
    const statuses = (await Promise.all(all)).map(({ reply }) => reply.status);
    expect(statuses.filter((status) => status === 503)).toHaveLength(100);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1000);
    expect(await textOf(0)).toBe('999');
  });
});

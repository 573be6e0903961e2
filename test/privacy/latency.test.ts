import { createHook } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import type { PresenceRecord } from '../../src/presence/record.ts';
import type { TestApp, TestPerson } from '../helpers/app.ts';
import { makeApp, OPERATOR } from '../helpers/app.ts';
import { settled } from '../helpers/settled.ts';
import type { Name, Sabotage } from '../helpers/two-worlds.ts';
import { bending, honest, makeCast, OBSERVERS, play } from '../helpers/two-worlds.ts';

/**
 * `LATENCY_SAMPLES=20000 npm test` measures time, too: so many pairs of reads of one who is invisible and of one who is offline. It is
 * left out by default, since it tells more of a busy machine than of the bridge.
 */
const SAMPLES = Number(process.env['LATENCY_SAMPLES'] ?? 0);
/** Standard errors that two classes of latencies may lie apart; chance alone does it once in 16,000 runs. */
const MAX_Z = 4;

type World = 'invisible' | 'offline';

/** What it took to answer one read. */
interface Steps {
  readonly read: string;
  /** What the store was asked, in order. */
  readonly asked: readonly string[];
  /** Promises made, and so how often there was something to wait for. */
  readonly promises: number;
}

/** A store that notes what it is asked, by method, never by whom. */
function noting(asked: string[]): Sabotage {
  const watch = <T extends object>(target: T, prefix: string): T =>
    new Proxy(target, {
      get(from, key) {
        const value: unknown = Reflect.get(from, key);
        const name = `${prefix}${String(key)}`;
        if (typeof value === 'object' && value !== null) return watch(value, `${name}.`);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          asked.push(name);
          return Reflect.apply(value, from, args);
        };
      },
    });
  return (store) => watch(store, '');
}

async function leave(
  world: World,
  sabotage: Sabotage,
): Promise<{ app: TestApp; cast: ReadonlyMap<Name, TestPerson> }> {
  const app = await makeApp({}, { sabotage });
  const cast = await makeCast(app);
  const say = (body: object) =>
    play(app, cast, { who: 'una', network: 'plexichat', method: 'PUT', path: '/presence', body });
  await say({ status: 'online', custom_status: 'lunch' });
  await say({ status: world });
  // What she does then, nobody sees.
  if (world === 'invisible') await say({ status: 'invisible', custom_status: 'hidden' });
  return { app, cast };
}

/** Every way to read Una, as every observer and as the operator. */
function reads(cast: ReadonlyMap<Name, TestPerson>): { url: string; token: string }[] {
  const una = cast.get('una')!;
  const versions = ['api/v1', 'r0', 'v3', 'unstable'];
  const byOthers = OBSERVERS.flatMap((name) => {
    const { plexichat, matrix } = cast.get(name)!;
    const paths = versions.map((version) => `/_matrix/client/${version}/presence/${una.matrix.id}/status`);
    return [
      { url: `/api/v1/users/${una.plexichat.id}/presence`, token: plexichat.token },
      ...paths.map((url) => ({ url, token: matrix.token })),
      { url: `/_matrix/client/api/v1/presence/list/${matrix.id}`, token: matrix.token },
      { url: '/_matrix/client/v3/sync?set_presence=offline', token: matrix.token },
    ];
  });
  const byOperator = ['', '/why', '/tokens'].map((part) => `/bridge/v1/people/${una.id}${part}`);
  return [...byOthers, ...byOperator.map((url) => ({ url, token: OPERATOR }))];
}

async function stepsIn(world: World, sabotage: Sabotage = honest): Promise<Steps[]> {
  const asked: string[] = [];
  const { app, cast } = await leave(world, (store) => noting(asked)(sabotage(store)));
  let promises = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'PROMISE') promises++;
    },
  });
  const steps: Steps[] = [];
  for (const { url, token } of reads(cast)) {
    // Once before, so that whatever is kept from then on is.
    await app.call('GET', url, token);
    await settled();
    asked.length = promises = 0;
    hook.enable();
    const { status } = await app.call('GET', url, token);
    hook.disable();
    expect(status).toBe(200);
    steps.push({ read: url, asked: [...asked], promises });
  }
  await app.http.close();
  return steps;
}

describe('who is invisible cannot be told from who is offline by how long an answer takes', () => {
  it('it takes the same steps', async () => {
    const [invisible, offline] = [await stepsIn('invisible'), await stepsIn('offline')];
    expect(invisible).toEqual(offline);
    for (const { asked, promises } of invisible) {
      expect(asked.length).toBeGreaterThan(0);
      expect(promises).toBeGreaterThan(0);
    }
  });

  it.each<[string, Sabotage]>([
    ['reads once more', (store) => rereading(store)],
    ['waits once more', (store) => waiting(store)],
  ])('a build that %s for whoever is invisible is caught', async (_name, sabotage) => {
    expect(await stepsIn('invisible', sabotage)).not.toEqual(await stepsIn('offline', sabotage));
  });

  it.runIf(SAMPLES > 0)(
    `the times of ${SAMPLES} reads of each are of one class`,
    async () => {
      expect(Math.abs(await distance(honest))).toBeLessThan(MAX_Z);
      expect(Math.abs(await distance(bending(dawdle)))).toBeGreaterThan(MAX_Z);
    },
    120_000 + SAMPLES * 20,
  );
});

const isHidden = (record: PresenceRecord) => record.claim?.mode === 'invisible';

function rereading(store: Parameters<Sabotage>[0]) {
  const inner = store.get.bind(store);
  return bentGet(store, async (person) => {
    const record = await inner(person);
    return record && isHidden(record) ? inner(person) : record;
  });
}

function waiting(store: Parameters<Sabotage>[0]) {
  const inner = store.get.bind(store);
  return bentGet(store, async (person) => {
    const record = await inner(person);
    if (record && isHidden(record)) await Promise.resolve();
    return record;
  });
}

function bentGet(store: Parameters<Sabotage>[0], get: Parameters<Sabotage>[0]['get']) {
  return new Proxy(store, {
    get: (target, key) => {
      const value: unknown = key === 'get' ? get : Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** Some 20 µs more for whoever hides. */
function dawdle(record: PresenceRecord): PresenceRecord {
  if (isHidden(record)) for (let i = 0; i < 20_000; i++) Math.sqrt(i);
  return record;
}

/** How far apart the two classes are (Mann-Whitney), in standard errors; reads alternate, so that both meet the same machine. */
async function distance(sabotage: Sabotage): Promise<number> {
  const worlds = [await leave('invisible', sabotage), await leave('offline', sabotage)] as const;
  const times: { ns: number; hidden: boolean }[] = [];
  for (let i = 0; i < SAMPLES + 2000; i++) {
    for (const n of i % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const { app, cast } = worlds[n];
      const [{ url, token }] = reads(cast) as [{ url: string; token: string }];
      const begin = process.hrtime.bigint();
      await app.call('GET', url, token);
      // The first are for warming up.
      if (i >= 2000) times.push({ ns: Number(process.hrtime.bigint() - begin), hidden: n === 0 });
    }
  }
  await Promise.all(worlds.map(({ app }) => app.http.close()));
  times.sort((a, b) => a.ns - b.ns);
  const ranks = times.reduce((sum, { hidden }, i) => (hidden ? sum + i + 1 : sum), 0);
  const u = ranks - (SAMPLES * (SAMPLES + 1)) / 2;
  return (u - SAMPLES ** 2 / 2) / Math.sqrt((SAMPLES ** 2 * (2 * SAMPLES + 1)) / 12);
}

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isOurs } from '../../../src/connectors/plexichat/authorship.ts';
import { PlexichatFault } from '../../../src/connectors/plexichat/fault.ts';
import type { Person } from '../../../src/presence/identity.ts';
import { plexichatDialect } from '../../../src/protocols/plexichat/codec.ts';
import { RULES } from '../../helpers/bridge.ts';
import { settled } from '../../helpers/settled.ts';
import type { World } from './world.ts';
import { makeWorld, SETTINGS } from './world.ts';

const ANN = '2001';
/** No timer of the bridge changes anybody, so that all changes are those of the history. */
const TIMELESS = { ...RULES, timing: { idleAfter: Infinity, claimTtl: Infinity, busyTtl: Infinity } };

type Step =
  | {
      readonly act: 'writes';
      readonly mode: 'online' | 'idle' | 'dnd' | 'offline' | 'invisible';
      readonly text?: string | undefined;
    }
  | {
      readonly act: 'says';
      readonly mode: 'online' | 'chat' | 'idle' | 'dnd' | 'offline';
      readonly text?: string | undefined;
    }
  | { readonly act: 'claims'; readonly mode: 'online' | 'idle' | 'dnd' | 'offline' }
  | { readonly act: 'hides' | 'drop' | 'deliver' | 'crash' | 'restart' | 'cut' | 'ready' }
  | {
      readonly act: 'fail';
      readonly when: 'before' | 'after' | 'hang';
      readonly call: 'presence' | 'writePresence';
    }
  | { readonly act: 'pass'; readonly ms: number };

const text = fc.option(fc.constantFrom('a', 'b'), { nil: undefined, freq: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('writes' as const),
      mode: fc.constantFrom('online', 'idle', 'dnd', 'offline', 'invisible'),
      text,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      act: fc.constant('says' as const),
      mode: fc.constantFrom('online', 'chat', 'idle', 'dnd', 'offline'),
      text,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('claims' as const),
      mode: fc.constantFrom('online', 'idle', 'dnd', 'offline'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constantFrom('hides', 'drop', 'deliver', 'crash', 'restart', 'cut', 'ready'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('fail' as const),
      when: fc.constantFrom('before', 'after', 'hang'),
      call: fc.constantFrom('presence', 'writePresence'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('pass' as const),
      ms: fc.constantFrom(1, 5000, 15_000, 400_000),
    }),
  },
);

async function take(world: World, ann: Person, step: Step): Promise<void> {
  const { server } = world;
  world.clock.advance(1);
  switch (step.act) {
    case 'writes':
      server.write(ANN, step.mode, step.text === undefined ? undefined : { text: step.text });
      return settled();
    case 'says':
      return world.says(ann, step.mode, said(step.text));
    case 'claims':
      return world.claims(ann, step.mode);
    case 'hides':
      return world.sets(ann, 'invisible');
    case 'drop':
    case 'deliver':
      server.dropsEvents = step.act === 'drop';
      return;
    case 'crash':
      return world.crash();
    case 'restart':
      // Only a process that hangs nowhere can end of itself.
      return server.hangs ? world.crash() : world.restart();
    case 'cut':
      server.disconnect();
      return;
    case 'ready':
      return world.ready();
    case 'fail':
      server.failOnce(step.call, step.when, new PlexichatFault('unavailable'));
      return;
    case 'pass':
      return world.pass(step.ms, Math.max(5000, step.ms / 8));
  }
}

function said(text?: string) {
  return text === undefined ? ({ kind: 'keep' } as const) : ({ kind: 'set', text, emoji: null } as const);
}

/** All is well again for long enough to find whatever was lost. */
async function quiet(world: World): Promise<void> {
  world.server.dropsEvents = false;
  world.server.fails = () => null;
  if (world.server.hangs) await world.crash();
  await world.ready();
  await world.pass(3 * SETTINGS.reconcile_every, 60_000);
}

/** Whoever wrote what the server shows, the bridge knows, and its own words are up to date. */
async function expectAgreement(world: World, ann: Person): Promise<void> {
  const row = world.server.row(ANN);
  const feed = await world.feed(ANN);
  const { shown } = await world.presence.look(ann.id);
  if (isOurs(feed, row)) expect(row.mode).toBe(plexichatDialect.words[shown.mode]);
  else expect(feed?.mode ?? 'offline').toBe(row.mode);
}

async function live(
  history: readonly Step[],
  then: (world: World, ann: Person) => Promise<void>,
): Promise<void> {
  const world = makeWorld({}, TIMELESS);
  await world.ready();
  const ann = await world.linked(ANN);
  await world.give(ann);
  for (const step of history) await take(world, ann, step);
  await quiet(world);
  await then(world, ann);
  expect(world.server.writes.filter(({ was }) => was.mode === 'invisible')).toEqual([]);
  expect(world.server.writes.length).toBeLessThanOrEqual(history.length + 3);
  expect(world.troubles).toEqual([]);
  await world[Symbol.asyncDispose]();
}

const histories = fc.array(step, { maxLength: 14 });

it('after any history the server and the bridge agree, and the next change is written', async () => {
  const property = fc.asyncProperty(histories, async (history) => {
    await live(history, async (world, ann) => {
      await expectAgreement(world, ann);
      const writes = world.server.writes.length;
      await world.pass(2 * SETTINGS.reconcile_every, 60_000);
      expect(world.server.writes).toHaveLength(writes);
      if (world.server.row(ANN).mode === 'invisible') return;
      // She comes back by her own word, and then something else than before is said elsewhere.
      await world.sets(ann, 'offline');
      await world.sets(ann, 'dnd');
      expect(world.server.row(ANN).mode).toBe('dnd');
    });
  });
  await fc.assert(property, { numRuns: 30 });
});

it('she is never left online when both sides left', async () => {
  const property = fc.asyncProperty(histories, fc.boolean(), fc.boolean(), async (history, first, lost) => {
    const leave: Step[] = [
      { act: 'writes', mode: 'offline' },
      { act: 'says', mode: 'offline' },
    ];
    const end: Step[] = [{ act: lost ? 'drop' : 'deliver' }, ...(first ? leave : leave.reverse())];
    await live([...history, ...end], async (world) => {
      expect(['offline', 'invisible']).toContain(world.server.row(ANN).mode);
      expect(await world.shown(ANN)).toMatchObject({ mode: 'offline' });
    });
  });
  await fc.assert(property, { numRuns: 30 });
});

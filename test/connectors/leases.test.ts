import { describe, expect, it } from 'vitest';
import { Leases } from '../../src/connectors/leases.ts';
import type { SideHealth, SideState } from '../../src/connectors/side.ts';
import type { PersonId } from '../../src/presence/identity.ts';
import { fakeNetwork, makeBridge } from '../helpers/bridge.ts';
import { settled } from '../helpers/settled.ts';
import { rich } from '../presence/dialects.ts';

const LEFT = fakeNetwork('left');
const MINUTE = 60_000;
const BELIEVED = 30 * MINUTE;

async function make(state: SideState = 'up') {
  const bridge = makeBridge({ networks: [LEFT] });
  const { person: ann } = await bridge.person([{ network: LEFT.name, id: 'ann' }]);
  const listeners = new Set<(health: SideHealth) => void>();
  const side = {
    state,
    health: (): SideHealth => ({ name: 'left', state: side.state, since: 0, reason: null }),
    subscribe: (listener: (health: SideHealth) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    become: (next: SideState) => {
      side.state = next;
      for (const listener of listeners) listener(side.health());
    },
  };
  const problems: string[] = [];
  const leases = new Leases({
    presence: bridge.presence,
    network: LEFT.name,
    side,
    clock: bridge.clock,
    believedMs: BELIEVED,
    report: (problem) => problems.push(problem),
  });
  const told = (person: PersonId) =>
    bridge.presence.report(person, {
      network: LEFT.name,
      dialect: rich,
      mode: 'online',
      own: false,
      activeAt: null,
      endsAt: leases.endsAt(),
    });
  /** Turns the clock by whole minutes, with time for what falls due. */
  const pass = async (minutes: number) => {
    for (let each = 0; each < minutes; each++) {
      bridge.clock.advance(MINUTE);
      await settled();
    }
  };
  const mode = async () => (await bridge.presence.look(ann.id)).shown.mode;
  return { ...bridge, ann, side, leases, told, pass, mode, listeners, problems };
}

describe('what a silent server said', () => {
  it('is believed for as long as it can be reached', async () => {
    const { ann, told, pass, mode } = await make();
    await told(ann.id);
    await pass(10 * 60);
    expect(await mode()).toBe('online');
  });

  it('is believed for the time that was set, and half as long again at most, once it cannot', async () => {
    const { ann, told, side, pass, mode } = await make();
    await told(ann.id);
    await pass(3 * 60 + 7);
    side.become('down');
    await pass(30);
    expect(await mode()).toBe('online');
    await pass(15);
    expect(await mode()).toBe('offline');
  });

  it('is renewed as soon as it is back, before the next round', async () => {
    const { ann, told, side, pass, mode } = await make('down');
    await told(ann.id);
    await pass(44);
    side.become('up');
    await settled();
    side.become('down');
    await pass(29);
    expect(await mode()).toBe('online');
  });

  it('is not revived once it has ended', async () => {
    const { ann, told, side, pass, mode } = await make('down');
    await told(ann.id);
    await pass(45);
    side.become('up');
    await pass(30);
    expect(await mode()).toBe('offline');
  });

  it('is written down rarely', async () => {
    const { ann, told, pass, presence } = await make();
    await told(ann.id);
    const { version } = await presence.look(ann.id);
    await pass(10 * 60);
    expect((await presence.look(ann.id)).version - version).toBeLessThanOrEqual((10 * 60) / 7.5);
  });

  it('reaches hundreds of people', async () => {
    const { person, told, pass, presence } = await make();
    const people = await Promise.all(
      Array.from({ length: 150 }, (_, n) => person([{ network: LEFT.name, id: `p${n}` }])),
    );
    for (const { person } of people) await told(person.id);
    await pass(120);
    for (const { person } of people) expect((await presence.look(person.id)).shown.mode).toBe('online');
  });
});

it('a store that fails is reported, and tried again at the next round', async () => {
  const { ann, told, pass, mode, problems, presence } = await make();
  await told(ann.id);
  const fed = presence.fed.bind(presence);
  presence.fed = () => {
    presence.fed = fed;
    throw new Error('disk');
  };
  await pass(3 * 60);
  expect(problems).toHaveLength(1);
  expect(await mode()).toBe('online');
});

it('ends with its owner', async () => {
  const { ann, told, leases, pass, mode, listeners } = await make();
  await told(ann.id);
  await leases[Symbol.asyncDispose]();
  expect(listeners.size).toBe(0);
  await pass(45);
  expect(await mode()).toBe('offline');
});

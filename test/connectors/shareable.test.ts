import { expect, it } from 'vitest';
import { shareability } from '../../src/connectors/shareable.ts';
import { fakeNetwork, makeBridge } from '../helpers/bridge.ts';

const [LEFT, RIGHT] = [fakeNetwork('left'), fakeNetwork('right')];

function make() {
  const bridge = makeBridge({ networks: [LEFT, RIGHT] });
  return { ...bridge, shareable: shareability(bridge.store) };
}

it.each([
  ['everyone', true],
  ['contacts', false],
  ['nobody', false],
] as const)('who may be seen by %s: %s', async (visibility, shared) => {
  const { person, shareable } = make();
  const ann = await person([{ network: LEFT.name, id: 'ann' }], { visibility });
  expect(await shareable(ann.person, RIGHT.name)).toBe(shared);
});

it.each([
  ['blocks', LEFT, true],
  ['blocks', RIGHT, false],
  ['is blocked by', RIGHT, false],
] as const)('who %s somebody of %o: %s', async (way, network, shared) => {
  const { person, shareable, store } = make();
  const ann = await person([{ network: LEFT.name, id: 'ann' }]);
  const bob = await person([{ network: network.name, id: 'bob' }]);
  const [blocker, blocked] = way === 'blocks' ? [ann, bob] : [bob, ann];
  await store.commit([{ row: 'block', blocker: blocker.person.id, blocked: blocked.person.id, value: true }]);
  expect(await shareable(ann.person, RIGHT.name)).toBe(shared);
});

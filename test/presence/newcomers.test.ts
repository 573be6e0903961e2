import { expect, it } from 'vitest';
import { Newcomers } from '../../src/presence/newcomers.ts';
import { fakeNetwork, makeBridge } from '../helpers/bridge.ts';

const LEFT = fakeNetwork('left');
const account = { network: LEFT.name, id: 'ann' };
const profile = () => ({ displayName: 'Ann', avatarUrl: 'https://a/1' });

it('makes one person of an account, however many tell of it at once', async () => {
  const { newcomers, people } = makeBridge({ networks: [LEFT] });
  const found = await Promise.all([1, 2, 3].map(() => newcomers.find(account, profile)));
  expect(new Set(found.map(({ id }) => id)).size).toBe(1);
  expect(await people.page(null, 10)).toEqual([
    expect.objectContaining({ displayName: 'Ann', avatarUrl: 'https://a/1', visibility: 'everyone' }),
  ]);
});

it('finds who is there without asking for a profile', async () => {
  const { newcomers, person } = makeBridge({ networks: [LEFT] });
  const ann = await person([account]);
  const asked = () => {
    throw new Error('not needed');
  };
  expect((await newcomers.find(account, asked)).id).toBe(ann.person.id);
});

it('refuses an id that is kept for stand-ins, and can be asked again', async () => {
  const { newcomers } = makeBridge({ networks: [LEFT] });
  const standIn = { network: LEFT.name, id: 'left-1' };
  for (const _ of [1, 2]) {
    await expect(newcomers.find(standIn, profile)).rejects.toMatchObject({ code: 'bad_parameter' });
  }
});

it('takes the person of whoever was quicker', async () => {
  const { people, person } = makeBridge({ networks: [LEFT] });
  const newcomers = new Newcomers({ people, visibility: 'nobody' });
  const slow = newcomers.find(account, async () => {
    await person([account]);
    return profile();
  });
  expect(await slow).toMatchObject({ visibility: 'everyone' });
});

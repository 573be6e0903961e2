import { expect, it } from 'vitest';
import { Deliveries } from '../../src/presence/deliveries.ts';
import { personId } from '../contract/records.ts';
import { ManualClock } from '../helpers/clock.ts';

const ann = personId('ann');
const clock = new ManualClock();
const told = (to: string, said: string) => ({ to, kind: 'person', said }) as const;

it('keeps the last to each, the newest first', () => {
  const deliveries = new Deliveries(clock);
  const began = clock.now();
  deliveries.note(ann, told('bob', 'online'));
  deliveries.note(ann, { to: 'bob', kind: 'server', said: 'online' });
  clock.advance(1000);
  deliveries.note(ann, told('bob', 'dnd'));
  expect(deliveries.of(ann)).toEqual([
    { ...told('bob', 'dnd'), at: began + 1000 },
    { to: 'bob', kind: 'server', said: 'online', at: began },
  ]);
  expect(deliveries.of(personId('bob'))).toEqual([]);
});

it('keeps ten of a person, and ten thousand people; who was told longest ago makes room', () => {
  const deliveries = new Deliveries(clock);
  for (let i = 0; i <= 10; i++) deliveries.note(ann, told(`p${i}`, 'dnd'));
  expect(deliveries.of(ann).map(({ to }) => to)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1].map((i) => `p${i}`));
  for (let i = 1; i < 10_000; i++) deliveries.note(personId(`q${i}`), told('bob', 'dnd'));
  expect(deliveries.of(ann)).toHaveLength(10);
  deliveries.note(personId('last'), told('bob', 'dnd'));
  expect(deliveries.of(ann)).toEqual([]);
});

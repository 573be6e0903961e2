import { expect, it } from 'vitest';
import { soak } from './soak.ts';

/** `SOAK_SEED` repeats what is done; what it meets depends on the machine. */
const SEED = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000);
const MS = 15_000;

/** A short one, which shows that the long one works; `npm run soak` is that. */
it(`nothing grows and nobody is wrong after a short soak, seed ${SEED}`, async () => {
  const { faults, writes, drops, resumed } = await soak({ ms: MS, people: 12, seed: SEED });
  expect(faults).toEqual([]);
  expect(writes).toBeGreaterThan(200);
  expect(drops).toBeGreaterThan(50);
  expect(resumed).toBeGreaterThan(20);
}, 180_000);

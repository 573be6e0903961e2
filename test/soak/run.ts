import { parseArgs } from 'node:util';
import { soak } from './soak.ts';

/** `npm run soak`, or `npm run soak -- --minutes 60 --people 200 --seed 1`. */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    people: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const [minutes, people, seed] = [Number(values.minutes), Number(values.people), Number(values.seed)];
console.log(`${people} people for ${minutes} minutes, seed ${seed}`);
const { faults, writes, drops, resumed } = await soak({
  ms: minutes * 60_000,
  people,
  seed,
  tell: console.log,
});
console.log(`${writes} writes, ${drops} drops, ${resumed} resumed sessions`);
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;

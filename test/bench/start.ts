import type { Row } from './bench.ts';
import { spreadOf } from './stats.ts';
import { short } from './table.ts';
import { idOf, tokenOf } from './world.ts';

/** From the start of the process to its first answer. */
export const start: Row = {
  name: 'start',
  measure: async (bench) => {
    const { people, rounds } = bench.size;
    const folder = await bench.peopled(people);
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const began = performance.now();
      const bridge = await bench.bridge(folder);
      const path = `/api/v1/users/${idOf('plexichat', 1)}/presence`;
      const { status } = await bridge.call('GET', path, tokenOf('plexichat', 2));
      times.push(performance.now() - began);
      if (status !== 200) throw new Error(`the first answer was ${status}`);
      await bridge.end('SIGTERM');
    }
    return [
      {
        what: `start with ${people.toLocaleString('en')} people, a tenth present`,
        figure: `${short(spreadOf(times).median)} ms to the first answer`,
        reference: '',
        value: spreadOf(times),
        unit: ' ms',
        goal: { atMost: 500 },
      },
    ];
  },
};

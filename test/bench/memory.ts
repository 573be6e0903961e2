import { statSync } from 'node:fs';
import type { Row } from './bench.ts';
import { spreadOf } from './stats.ts';
import type { Goal, Line } from './table.ts';
import { short } from './table.ts';

/** So many people are remembered by default. */
const CACHED = 100_000;

/** What a person takes, on the disk and in memory. Those of connections are told by the rows that make them. */
export const memory: Row = {
  name: 'memory',
  measure: async (bench) => {
    const { people } = bench.size;
    const folder = await bench.peopled(people);
    const bytes = (file: string) => statSync(`${folder}/${file}`).size / people;
    const child = await bench.child('commits');
    const cached = Number(await child.ask('cached', { folder, people: Math.min(people, CACHED) }));
    return [
      line('presence of a person on disk', bytes('state.db'), { atMost: 100 }),
      line('her entry in the directory, with two accounts', bytes('log.db'), null),
      line('a cached person', cached, { atMost: 300 }),
    ];
  },
};

function line(what: string, bytes: number, goal: Goal | null): Line {
  return { what, figure: `${short(bytes)} B`, reference: '', value: spreadOf([bytes]), unit: ' B', goal };
}

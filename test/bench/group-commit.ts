import type { Row } from './bench.ts';
import { alternate, perRound } from './stats.ts';
import { short } from './table.ts';

const PEOPLE = 1000;
const WRITERS = 64;

interface Rate {
  readonly commits: number;
  readonly writes: number;
}

/** How often a second the store commits what has gathered, against how often the disk takes a page. */
export const groupCommit: Row = {
  name: 'group-commit',
  measure: async (bench) => {
    const folder = await bench.peopled(PEOPLE);
    const { ms, rounds: count } = bench.size;
    const child = await bench.child('commits');
    const rounds = await alternate<Rate>(count, {
      store: () => child.ask('commits', { folder, writers: WRITERS, people: PEOPLE, ms }),
      disk: async () => ({ commits: Number(await child.ask('disk', { folder, ms })), writes: 0 }),
    });
    const rate = (name: string) => short(perRound(rounds, (of) => of(name).commits).median);
    const writes = short(perRound(rounds, (of) => of('store').writes).median / 1000);
    return [
      {
        what: `group commit, ${WRITERS} writers, no HTTP`,
        figure: `${rate('store')} commits/s of ${writes} k writes/s`,
        reference: `fdatasync: ${rate('disk')}/s`,
        value: perRound(rounds, (of) => of('store').commits / of('disk').commits),
        goal: { atLeast: 0.6 },
      },
    ];
  },
};

import { expect, it } from 'vitest';
import { describePostgres } from '../stores/postgres/binaries.ts';
import { until } from '../stores/postgres/cluster.ts';
import type { Damage } from './broken-build.ts';
import { breakBuild } from './broken-build.ts';
import type { Fault } from './faults.ts';
import { inflict } from './faults.ts';
import { brokenPromises } from './history.ts';
import { breakOff, startNodes, startSite, startWorld } from './run.ts';

const HASTY: Damage = {
  file: 'stores/postgres/records.js',
  line: 'return this.#puts.add(put);',
  instead: `this.#puts.add(put).catch(() => undefined); return Promise.resolve('done');`,
};
const UNCOMPARED: Damage = {
  file: 'stores/postgres/schema.js',
  line: 'WHEN coalesce(p.version, 0) = i.expected THEN',
  instead: 'WHEN true THEN',
};
const CREDULOUS: Damage = {
  file: 'stores/postgres/follow.js',
  line: 'const believed = () => cluster.isCurrent;',
  instead: 'const believed = () => true;',
};
const DEAF: Damage = {
  file: 'stores/postgres/record-cache.js',
  line: 'if (known && isAsNew(known.at, at))',
  instead: 'if (known)',
};
const FORWARD: Damage = {
  file: 'surfaces/matrix/streams/long-polls.js',
  line: 'await audience.catchUp(self.id);',
  instead: '',
};
const HALT: readonly Fault[] = [{ at: 0, kind: 'halt a node', node: 1, down: 11_000 }];

/** Writes before the faults begin. */
const WRITES = 150;
const SEED = 7;

describePostgres('the nodes of a broken build', () => {
  it('that acknowledge before they commit are caught', () =>
    expectCaught(HASTY, [], /: acknowledged by . and never committed/));

  describeLong([
    ['write over what others wrote', UNCOMPARED, [], /: version \d+ follows \d+/],
    [
      'believe what they remember after they were halted',
      CREDULOUS,
      HALT,
      /at b reads .*acknowledged more than/,
    ],
    ['do not hear what others wrote', DEAF, HALT, /reads .* was acknowledged/],
    ['tell what they remember after they were halted', FORWARD, HALT, /begins anew with .* more than/],
  ]);
});

type Case = readonly [name: string, damage: Damage, faults: readonly Fault[], problem: RegExp];

function describeLong(cases: readonly Case[]): void {
  it.runIf(Number(process.env['CHAOS_MS'] ?? 0) > 0).each(cases)(
    'that %s are caught',
    (_name, damage, faults, problem) => expectCaught(damage, faults, problem),
  );
}

async function expectCaught(damage: Damage, faults: readonly Fault[], problem: RegExp): Promise<void> {
  const site = await startSite('remote_apply');
  const nodes = await startNodes({ store: site.url, main: breakBuild(damage) });
  const world = await startWorld(site, nodes, SEED);
  await until(() => world.recorder.acknowledged >= WRITES);
  await inflict(faults, nodes, site);
  expect(brokenPromises(await breakOff(world)).join('\n')).toMatch(problem);
}

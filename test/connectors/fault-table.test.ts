import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Cell, Column, FaultName, Seen } from './fault-table.ts';
import { COLUMNS, FAULTS, open, TABLE } from './fault-table.ts';
import type { FaultSide } from './faults/side.ts';
import { drive, settle } from './faults/side.ts';

interface Case {
  readonly fault: FaultName;
  readonly column: Column;
  readonly cell: Cell;
}

const cells = FAULTS.flatMap((fault) =>
  (Object.keys(COLUMNS) as Column[]).map((column) => ({ fault, column, cell: TABLE[fault][column] })),
);
const possible = cells.filter((each): each is Case => !('impossible' in each.cell));
const atStart = possible.filter(({ cell }) => cell.atStart !== null);

/** The name of a metric with its labels, as Prometheus reads it. */
function metric(column: Column, short: string): string {
  const { network } = COLUMNS[column];
  return `plexibridge_connector_${short.replace('{', `{network="${network}",`).replace(',}', '}')}`;
}

interface Before {
  readonly log: number;
  readonly counts: ReadonlyMap<string, number>;
}
const NOTHING: Before = { log: 0, counts: new Map() };

/** Resolves once the fault is to be seen by all that an operator looks at. */
async function expectSeen(side: FaultSide, column: Column, seen: Seen, before = NOTHING): Promise<void> {
  const { state, reason = null, log, grows } = seen;
  const found = async () => {
    const lines = side.log.slice(before.log);
    const counts = await side.metrics();
    const grew = (name: string) => (counts.get(name) ?? 0) > (before.counts.get(name) ?? 0);
    const health = side.health();
    return {
      state: health.state,
      reason: health.reason,
      up: counts.get(metric(column, 'up{}')),
      log: log.filter((words) => lines.some((line) => line.startsWith(words))),
      grows: grows.filter((short) => grew(metric(column, short))),
    };
  };
  const expected = { state, reason, up: state === 'up' ? 1 : 0, log, grows };
  await drive(side, async () => isDeepStrictEqual(await found(), expected)).catch(() => undefined);
  expect(await found()).toEqual(expected);
}

const loud = (lines: readonly string[]) => lines.filter((line) => !line.startsWith('debug'));

async function started(column: Column, cell: Cell): Promise<FaultSide> {
  const side = await open(column, cell);
  side.start();
  await drive(side, async () => side.health().state === 'up' && (await side.agrees()) && side.showsBefore());
  return side;
}

describe('a fault that comes while all is well', () => {
  it.each(possible)('$fault, $column: $cell.state, $cell.reason', async ({ column, cell }) => {
    await using side = await started(column, cell);
    const before = { log: side.log.length, counts: await side.metrics() };

    const end = await cell.begin(side);
    await side.speakHere();
    await expectSeen(side, column, cell, before);
    if (cell.skewMs === undefined) await side.speakThere();
    // Who is not known to be there is not known to be gone.
    if (cell.state !== 'up') expect(await side.showsBefore()).toBe(true);
    await end();

    const isShownWhen = async () => (await side.knowsWhen()) !== (cell.lastSeenIsOff ?? false);
    await drive(side, async () => side.health().state === 'up' && (await side.agrees()) && isShownWhen());
    const back = cell.state === 'up' ? [] : [`info ${COLUMNS[column].name} is up`];
    const lines = loud([...cell.log, ...back]).map((words) => expect.stringContaining(words));
    expect([loud(side.log.slice(before.log)), side.problems]).toEqual([lines, []]);
  });
});

describe('a fault that is there before the bridge', () => {
  it.each(atStart)('$fault, $column', async ({ column, cell }) => {
    const log = cell.log.map((words) => words.replace(', unknown since', ''));
    const seen = { ...cell, log, grows: [], ...cell.atStart };
    await using side = await open(column, cell);
    const end = await cell.begin(side);
    side.start();
    await expectSeen(side, column, seen);
    await end();
    await drive(side, async () => side.health().state === 'up' && (await side.agrees()));
    await settle(side);
    expect(side.problems).toEqual([]);
  });
});

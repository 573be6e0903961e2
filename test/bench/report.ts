import type { Arrivals } from './tally.ts';

export interface Round {
  readonly bySocket: Arrivals;
  readonly byWaiter: Arrivals;
  /** Processor time of the bridge, with what clients ask of it afterwards, ms. */
  readonly processor: number;
}

export interface Footprint {
  readonly sockets: number;
  readonly waiters: number;
  /** Memory with nobody connected, with the sockets, and with all, bytes. */
  readonly empty: number;
  readonly withSockets: number;
  readonly full: number;
}

export function printFootprint({ sockets, waiters, empty, withSockets, full }: Footprint): void {
  const each = (bytes: number, count: number) =>
    count === 0 ? '-' : `${(bytes / count / 1024).toFixed(1)} KiB`;
  const all = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  console.log(
    `bridge memory: ${all(empty)} empty, ${all(withSockets)} with ${sockets} sockets, ${all(full)} with ${waiters} waiters too`,
  );
  console.log(
    `               ${each(withSockets - empty, sockets)} per socket, ${each(full - withSockets, waiters)} per waiter`,
  );
}

/** One line per figure: its median over the rounds, and its worst. */
export function printRounds(rounds: readonly Round[], deliveries: number): void {
  const lasts = rounds.map(({ bySocket, byWaiter }) => Math.max(bySocket.last, byWaiter.last));
  const lines: [string, number[]][] = [
    ['first socket, ms', rounds.map(({ bySocket }) => bySocket.first)],
    ['last socket, ms', rounds.map(({ bySocket }) => bySocket.last)],
    ['first waiter, ms', rounds.map(({ byWaiter }) => byWaiter.first)],
    ['last waiter, ms', rounds.map(({ byWaiter }) => byWaiter.last)],
    ['processor of the bridge, ms', rounds.map(({ processor }) => processor)],
  ];
  console.log(`\n${rounds.length} rounds of ${deliveries} deliveries`.padEnd(41), 'median     worst');
  for (const [name, values] of lines) print(name, median(values), Math.max(...values));
  const perSecond = lasts.map((ms) => (deliveries / ms) * 1000);
  print('deliveries per second', median(perSecond), Math.min(...perSecond));
}

function print(name: string, middle: number, worst: number): void {
  console.log(name.padEnd(40), middle.toFixed(0).padStart(6), worst.toFixed(0).padStart(9));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
}

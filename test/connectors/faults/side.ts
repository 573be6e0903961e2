import { setImmediate } from 'node:timers/promises';
import type { ConnectorHealth } from '../../../src/connectors/connector.ts';
import { connectorMetrics } from '../../../src/connectors/metrics.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import type { Clock } from '../../../src/presence/clock.ts';
import { countingSecrets, RULES } from '../../helpers/bridge.ts';
import { ManualClock } from '../../helpers/clock.ts';
import type { FaultyWire } from './faulty-wire.ts';

/** How far the clock is turned while something is waited for, ms, and how often. */
const STEP = 1000;
const PATIENCE = 2000;
/** How often it is looked for before the clock is turned at all. */
const UNHURRIED = 20;

/** Nobody changes merely because time passes. */
export const TIMELESS = {
  ...RULES,
  timing: { idleAfter: Infinity, claimTtl: Infinity, busyTtl: Infinity },
};

/** A connector beside its server, with a wire between them that can misbehave. */
export interface FaultSide extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly wire: FaultyWire;
  /** Level and message of each line, oldest first. */
  readonly log: readonly string[];
  /** Trouble of the bridge's own, of which there must be none. */
  readonly problems: readonly string[];
  /** Starts the connector. Somebody of each side is there already. */
  start(): void;
  /** Ends it, and nothing else; it may be started anew. */
  stop(): Promise<void>;
  health(): ConnectorHealth;
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** The server does not know the token any more, until the result is called. */
  refuseToken(): Promise<() => Promise<void>>;
  /** The server goes, and is back once the result is called, without a memory of what was written to it. */
  restart(): Promise<() => Promise<void>>;
  /** Somebody says something elsewhere, which is to be written there. */
  speakHere(): Promise<void>;
  /** One of its users says something there, of which the bridge is not told unless it asks. */
  speakThere(): Promise<void>;
  /** Whether the server's user is shown as before she last spoke. */
  showsBefore(): Promise<boolean>;
  /** Whether all that was said on either side is known on the other. */
  agrees(): Promise<boolean>;
  /** Whether the server's user is shown to have been active when she last spoke, by the clock of the bridge. */
  knowsWhen(): Promise<boolean>;
}

/** Everything a connector is given besides its settings, and what is to be seen of it. */
export function observed(clock: Clock, network: string) {
  const log: string[] = [];
  const problems: string[] = [];
  const metrics = new Metrics({ process: false });
  const say = (level: string) => (_details: object, message: string) => void log.push(`${level} ${message}`);
  const surroundings = {
    clock,
    secrets: countingSecrets(),
    random: () => 0.5,
    logger: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') },
    report: (problem: string) => void problems.push(problem),
    version: 'test',
    metrics: connectorMetrics(metrics)(network),
  };
  /** By name and labels as Prometheus reads them. */
  async function readings(): Promise<Map<string, number>> {
    const lines = (await metrics.text()).split('\n').filter((line) => /^\w+\{/.test(line));
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
    );
  }
  return { log, problems, surroundings, readings };
}

/** Lets everything happen that needs no time but that of real sockets. */
export async function settle({ wire }: Pick<FaultSide, 'wire'>): Promise<void> {
  for (let round = 0; round < 3; round++) {
    for (let turn = 0; turn < 10; turn++) await setImmediate();
    await wire.settled();
  }
  for (let turn = 0; turn < 10; turn++) await setImmediate();
}

/** Lets time pass in steps, and everything happen that it brings about. */
export async function pass(side: Pick<FaultSide, 'wire' | 'clock'>, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= STEP) {
    side.clock.advance(Math.min(STEP, left));
    await settle(side);
  }
}

/** Turns the clock until the condition holds. */
export async function drive(side: FaultSide, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let step = -UNHURRIED; step < PATIENCE; step++) {
    await settle(side);
    if (await holds()) return;
    if (step >= 0) side.clock.advance(STEP);
  }
  throw new Error(`waited in vain: ${JSON.stringify([side.health(), side.log, side.problems])}`);
}

/** A clock that goes like another, and shows another time. */
export class SkewedClock extends ManualClock {
  readonly #right: ManualClock;
  readonly #ms: number;

  constructor(right: ManualClock, ms: number) {
    super();
    this.#right = right;
    this.#ms = ms;
  }

  override now(): number {
    return this.#right.now() + this.#ms;
  }

  override after(ms: number, run: () => void): Disposable {
    return this.#right.after(ms, run);
  }
}

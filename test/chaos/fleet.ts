import type { Answer, RunningBridge } from '../helpers/process.ts';
import { runBridge } from '../helpers/process.ts';

export type Settings = Readonly<Record<string, string>>;

export interface FleetOptions {
  /** URL of the primary. */
  readonly store: string;
  readonly settings?: Settings;
  /** The program that runs; by default the one that was built. */
  readonly main?: string;
}

/** The longest that a node may take to start again, ms. */
const RESTART_MS = 60_000;
const NAMES = ['a', 'b', 'c'];

/** One of several nodes over one store. It may die, and come back at the same address. */
export class FleetNode {
  readonly name: string;
  /** Counts its processes. */
  life = 1;
  isHalted = false;
  readonly #options: FleetOptions;
  #bridge: RunningBridge;

  private constructor(name: string, options: FleetOptions, bridge: RunningBridge) {
    this.name = name;
    this.#options = options;
    this.#bridge = bridge;
  }

  static async start(name: string, options: FleetOptions): Promise<FleetNode> {
    return new FleetNode(name, options, await run(options, '0'));
  }

  get url(): string {
    return this.#bridge.url;
  }

  /** Everything printed in this life. */
  get output(): string {
    return this.#bridge.output.join('\n');
  }

  /** Rejects when the process dies before it answers. */
  call(...request: Parameters<RunningBridge['call']>): Promise<Answer> {
    return this.#bridge.call(...request);
  }

  async kill(): Promise<void> {
    this.isHalted = false;
    this.life++; // whoever finds it at this address again, even while it is being started, finds another
    await this.#bridge.end('SIGKILL');
  }

  /** Tries for a minute, as whatever supervises a node would: one that cannot reach its store does not start. */
  async restart(): Promise<void> {
    const deadline = Date.now() + RESTART_MS;
    for (;;) {
      try {
        this.#bridge = await run(this.#options, new URL(this.url).port);
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  }

  halt(): void {
    this.isHalted = true;
    this.#bridge.child.kill('SIGSTOP');
  }

  goOn(): void {
    this.isHalted = false;
    this.#bridge.child.kill('SIGCONT');
  }
}

/** Three of them. */
export async function startFleet(options: FleetOptions): Promise<FleetNode[]> {
  return Promise.all(NAMES.map((name) => FleetNode.start(name, options)));
}

function run({ store, settings, main }: FleetOptions, port: string): Promise<RunningBridge> {
  const env = {
    ...settings,
    PLEXIBRIDGE__STORE__PATH: undefined,
    PLEXIBRIDGE__STORE__KIND: 'postgres',
    PLEXIBRIDGE__STORE__SHARDS: JSON.stringify([store]),
    PLEXIBRIDGE__LISTEN__PORT: port,
  };
  return runBridge('unused', env, [], main);
}

import { setTimeout as wait } from 'node:timers/promises';
import type { Answer } from '../helpers/process.ts';
import { seededRandom } from '../helpers/random.ts';
import type { FleetNode } from './fleet.ts';
import type { Write } from './history.ts';
import type { Member, Network } from './people.ts';
import { get, put, textOf } from './people.ts';
import type { Recorder } from './recorder.ts';

const NETWORKS: readonly Network[] = ['plexichat', 'matrix'];
const WRITE_SHARE = 0.4;
/** Between two requests of one client, ms. */
const PAUSE = { least: 40, most: 160 };
const PROBE_MS = 1_000;
/** Fewer than a node has connections, the other clients' aside. */
const PROBES = 50;

/** A client for each person on each surface of each node, which writes texts that nobody else writes, and reads. */
export class Load {
  readonly #nodes: readonly FleetNode[];
  readonly #recorder: Recorder;
  readonly #clients: Promise<void>[];
  readonly #probes = new Set<Promise<void>>();
  #running = true;

  constructor(nodes: readonly FleetNode[], members: readonly Member[], recorder: Recorder, seed: number) {
    this.#nodes = nodes;
    this.#recorder = recorder;
    let client = seed;
    this.#clients = nodes.flatMap((node) =>
      members.flatMap((member) => [
        ...NETWORKS.map((network) => this.#use(node, member, network, seededRandom(client++))),
        this.#probe(node, member),
      ]),
    );
  }

  /** Resolves once nothing is in flight. */
  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#clients);
    await Promise.all(this.#probes);
  }

  /** Writes once more, wherever it works. */
  async writeLast(member: Member): Promise<void> {
    for (let i = 0; ; i++) {
      const node = this.#nodes[i % this.#nodes.length];
      if (node && (await write(node, member, 'plexichat', this.#recorder))) return;
      await wait(PAUSE.most);
    }
  }

  async #use(node: FleetNode, member: Member, network: Network, random: () => number): Promise<void> {
    while (this.#running) {
      await wait(PAUSE.least + random() * (PAUSE.most - PAUSE.least));
      if (random() < WRITE_SHARE) await write(node, member, network, this.#recorder);
      else await read(node, member, network, this.#recorder);
    }
  }

  /** Reads by the clock, also at a node that has not answered yet: one that was halted finds a read that has just come. */
  async #probe(node: FleetNode, member: Member): Promise<void> {
    while (this.#running) {
      await wait(PROBE_MS);
      if (this.#probes.size >= PROBES) continue;
      const probe = read(node, member, 'plexichat', this.#recorder);
      this.#probes.add(probe);
      void probe.then(() => this.#probes.delete(probe));
    }
  }
}

/** Resolves whether it was acknowledged. */
async function write(
  node: FleetNode,
  member: Member,
  network: Network,
  recorder: Recorder,
): Promise<boolean> {
  const sent = recorder.tick();
  const text = `${member.name} ${sent}`;
  const entry: Write = { person: member.name, node: node.name, text, sent, acknowledged: null };
  recorder.writes.push(entry);
  const answer = await answered(put(node, member, network, text), recorder);
  if (answer) entry.acknowledged = { tick: recorder.tick(), ms: Date.now() };
  return answer !== null;
}

async function read(node: FleetNode, member: Member, network: Network, recorder: Recorder): Promise<void> {
  const [sent, sentMs] = [recorder.tick(), Date.now()];
  const answer = await answered(get(node, member, network), recorder);
  if (!answer) return;
  const text = textOf(answer, network);
  recorder.reads.push({
    person: member.name,
    node: node.name,
    text,
    sent,
    sentMs,
    answered: recorder.tick(),
  });
}

/** A 200; null where the node has died, or its store cannot be reached. */
async function answered(call: Promise<Answer>, { oddities }: Recorder): Promise<Answer | null> {
  const answer = await call.catch(() => null);
  if (answer?.status === 200) return answer;
  if (answer && answer.status !== 503) oddities.push(`${answer.status} ${JSON.stringify(answer.body)}`);
  return null;
}

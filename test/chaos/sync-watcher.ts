import { setTimeout as wait } from 'node:timers/promises';
import type { Answer } from '../helpers/process.ts';
import type { FleetNode } from './fleet.ts';
import type { Member } from './people.ts';
import type { Recorder } from './recorder.ts';

const HOP_SHARE = 0.3;
const POLL_MS = 2_000;
const RETRY_MS = 50;

interface Content {
  readonly presence: string;
  readonly status_msg?: string;
}

export interface WatcherOptions {
  readonly watcher: Member;
  readonly people: readonly Member[];
  readonly nodes: readonly FleetNode[];
  readonly recorder: Recorder;
  readonly random: () => number;
  /** Whether it leaves a node that is well. */
  readonly hops: boolean;
}

/** A client that asks for news by /sync, now of this node and now of that, always with the cursor that it got last. */
export class SyncWatcher {
  readonly #options: WatcherOptions;
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#running = this.#follow();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #follow(): Promise<void> {
    const { watcher, nodes, random, recorder, hops } = this.#options;
    const pick = () => nodes[Math.floor(random() * nodes.length)];
    let node = pick();
    let since = '';
    let before = '';
    while (!this.#stopped && node) {
      const life = `${node.name} ${node.life}`;
      const path = `/_matrix/client/v3/sync?timeout=${POLL_MS}&set_presence=offline${since}`;
      const answer: Answer | null = await node.call('GET', path, watcher.tokens.matrix).catch(() => null);
      if (answer?.status === 200) {
        since = `&since=${answer.body.next_batch}`;
        this.#take(answer.body.presence?.events ?? [], life !== before);
        before = life;
      } else {
        if (answer && answer.status !== 503) recorder.oddities.push(`sync ${answer.status}`);
        await wait(RETRY_MS);
      }
      if (answer?.status !== 200 || (hops && random() < HOP_SHARE)) node = pick();
    }
  }

  /** What one node tells first may repeat what another has told. */
  #take(events: readonly { sender: string; content: Content }[], fresh: boolean): void {
    const { watcher, people, recorder } = this.#options;
    for (const { sender, content } of events) {
      const person = people.find(({ ids }) => ids.matrix === sender)?.name;
      if (person === undefined) continue;
      const { presence: mode, status_msg: text = null } = content;
      recorder.saw({ watcher: watcher.name, person, mode, text, fresh });
    }
  }
}

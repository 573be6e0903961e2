import type { ServerResponse } from 'node:http';
import type { Clock } from '../../../presence/clock.ts';
import { BridgeError } from '../../../presence/errors.ts';
import type { PersonId } from '../../../presence/identity.ts';
import type { ShownTally } from './shown-tally.ts';

/** The most who listen at a time. */
export const MAX_LISTENERS = 50;
/** Bytes that may wait for a listener who reads slowly; beyond it she must connect again. */
const MAX_BUFFERED = 262_144;
/** From a change until it is told, ms: what comes together is told together. */
const TOGETHER_MS = 200;
/** Between two looks at what tells of no change by itself, such as the connections to real servers, ms. */
const LOOK_MS = 2000;
/** After so long without a word a comment shows that the line is there, ms. */
const HEARTBEAT_MS = 15_000;

export interface LiveFeedOptions {
  readonly tally: Pick<ShownTally, 'subscribe'>;
  readonly clock: Clock;
  /** What every listener is told of. */
  readonly overview: () => object;
  /** What is shown of a person. */
  readonly look: (person: PersonId) => Promise<object>;
  readonly report: (error: unknown) => void;
}

export interface Admission {
  /** Of whom she is told besides; null for nobody. */
  readonly person: PersonId | null;
  /** Whether she may listen on. Errors as in the store. */
  readonly isAllowed: () => Promise<boolean>;
}

interface Listener extends Admission {
  readonly line: ServerResponse;
  /** The overview as she was last told. */
  told: string;
  /** When she was last told anything, ms since 1970. */
  toldAt: number;
}

/** Server-sent events for dashboards: the overview whenever it differs, and one person whenever she is shown otherwise. */
export class LiveFeed implements Disposable {
  readonly #options: LiveFeedOptions;
  readonly #listeners = new Set<Listener>();
  readonly #unsubscribe: () => void;
  readonly #changed = new Set<PersonId>();
  #flush: Disposable | null = null;
  #look: Disposable | null = null;

  constructor(options: LiveFeedOptions) {
    this.#options = options;
    this.#unsubscribe = options.tally.subscribe((person) => this.#hear(person));
  }

  /** Throws `overloaded` when there are too many already; else tells her how everything is, and what changes. */
  demandRoom(): void {
    if (this.#listeners.size >= MAX_LISTENERS)
      throw new BridgeError('overloaded', '', { retryAfterMs: 5000 });
  }

  /** Takes the line over, whose head has been written, until it closes. */
  add(line: ServerResponse, admission: Admission): void {
    const listener = { line, ...admission, told: '', toldAt: this.#options.clock.now() };
    this.#listeners.add(listener);
    line.once('close', () => this.#drop(listener));
    this.#tell(listener, 'retry: 2000\n\n');
    this.#tellOverview(listener, JSON.stringify(this.#options.overview()));
    if (admission.person !== null) void this.#tellOf(admission.person, [listener]);
    this.#lookSoon();
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** Ends every line. */
  [Symbol.dispose](): void {
    this.#unsubscribe();
    this.#flush?.[Symbol.dispose]();
    this.#look?.[Symbol.dispose]();
    for (const { line } of this.#listeners) line.end();
    this.#listeners.clear();
  }

  #hear(person: PersonId): void {
    if (this.#listeners.size === 0) return;
    if ([...this.#listeners].some((listener) => listener.person === person)) this.#changed.add(person);
    this.#flush ??= this.#options.clock.after(TOGETHER_MS, () => {
      this.#flush = null;
      this.#tellAll();
    });
  }

  #lookSoon(): void {
    this.#look ??= this.#options.clock.after(LOOK_MS, () => {
      this.#look = null;
      for (const listener of this.#listeners) void this.#admitStill(listener);
      this.#tellAll();
      if (this.#listeners.size > 0) this.#lookSoon();
    });
  }

  /** Ends the line of whoever has signed out; while the store cannot say, it stays. */
  async #admitStill({ isAllowed, line }: Listener): Promise<void> {
    try {
      if (!(await isAllowed())) line.end();
    } catch (error) {
      this.#options.report(error);
    }
  }

  #tellAll(): void {
    const overview = JSON.stringify(this.#options.overview());
    for (const listener of this.#listeners) this.#tellOverview(listener, overview);
    for (const person of this.#changed) {
      void this.#tellOf(
        person,
        [...this.#listeners].filter((listener) => listener.person === person),
      );
    }
    this.#changed.clear();
  }

  #tellOverview(listener: Listener, overview: string): void {
    if (overview !== listener.told) {
      this.#tell(listener, `event: overview\ndata: ${overview}\n\n`);
      listener.told = overview;
    } else if (this.#options.clock.now() - listener.toldAt >= HEARTBEAT_MS) {
      this.#tell(listener, ':\n\n');
    }
  }

  async #tellOf(person: PersonId, listeners: readonly Listener[]): Promise<void> {
    try {
      const shown = JSON.stringify(await this.#options.look(person));
      for (const listener of listeners) this.#tell(listener, `event: person\ndata: ${shown}\n\n`);
    } catch (error) {
      this.#options.report(error);
    }
  }

  #tell(listener: Listener, text: string): void {
    if (!this.#listeners.has(listener)) return;
    if (listener.line.writableLength > MAX_BUFFERED) {
      listener.line.destroy();
      this.#drop(listener);
    } else {
      listener.line.write(text);
      listener.toldAt = this.#options.clock.now();
    }
  }

  #drop(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    this.#flush?.[Symbol.dispose]();
    this.#look?.[Symbol.dispose]();
    [this.#flush, this.#look] = [null, null];
    this.#changed.clear();
  }
}

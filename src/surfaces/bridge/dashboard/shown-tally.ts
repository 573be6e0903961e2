import type { Clock } from '../../../presence/clock.ts';
import type { PersonId } from '../../../presence/identity.ts';
import type { Availability } from '../../../presence/record.ts';
import type { Change, PresenceService } from '../../../presence/service.ts';
import type { Shown } from '../../../presence/shown.ts';
import { NOTHING_SHOWN } from '../../../presence/shown.ts';
import { isNews } from './news.ts';
import type { TallyMetrics } from './tally-metrics.ts';

/** Between two samples of the counts, ms, and how many are kept: six hours. */
export const SAMPLE_MS = 30_000;
const MAX_SAMPLES = 720;
/** Of how many of the last changes it is known how long they took. */
const MAX_TIMES = 1000;

export type Counts = Readonly<Record<Exclude<Availability, 'offline'>, number>>;

export interface Sample extends Counts {
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** How long changes took from being taken up until they were durable and everybody who listens was being told, ms. */
export interface Propagation {
  readonly p50: number | null;
  readonly p99: number | null;
  /** Of so many changes. */
  readonly changes: number;
}

export interface ShownTallyOptions {
  readonly presence: Pick<PresenceService, 'present' | 'subscribe'>;
  readonly clock: Clock;
  /** None by default. */
  readonly metrics?: TallyMetrics;
}

/**
 * How many people are shown as what, now and in the last hours. It knows only what is shown, and takes no notice of a change
 * that does not change it, so that nothing here moves by what somebody does out of sight (semantics §6).
 */
export class ShownTally implements Disposable {
  readonly #clock: Clock;
  readonly #metrics: TallyMetrics | undefined;
  readonly #presence: ShownTallyOptions['presence'];
  /** Of everybody who is not offline. */
  readonly #faces = new Map<PersonId, Shown>();
  readonly #counts = { online: 0, chat: 0, idle: 0, dnd: 0 };
  readonly #samples: Sample[] = [];
  readonly #times: number[] = [];
  readonly #listeners = new Set<(person: PersonId) => void>();
  readonly #unsubscribe: () => void;
  #timer: Disposable;

  constructor({ presence, clock, metrics }: ShownTallyOptions) {
    this.#presence = presence;
    this.#clock = clock;
    this.#metrics = metrics;
    metrics?.counted(this.#counts);
    this.#unsubscribe = presence.subscribe((...change) => this.#changed(...change));
    this.#timer = clock.after(SAMPLE_MS, () => this.#sample());
  }

  /** Takes in everybody who is there already. Errors as in the store. */
  async start(): Promise<void> {
    await this.refresh();
    this.#samples.push({ at: this.#clock.now(), ...this.#counts });
  }

  /** Brings everybody up to date after changes that may not have been heard. Errors as in the store. */
  async refresh(): Promise<void> {
    const known = new Set<PersonId>();
    const hears = this.#presence.subscribe(({ person }) => void known.add(person));
    try {
      for await (const { person, shown } of this.#presence.present()) {
        if (!known.has(person)) this.#changed({ person, shown }, null);
        known.add(person);
      }
    } finally {
      hears();
    }
    for (const person of this.#faces.keys()) {
      if (!known.has(person)) this.#changed({ person, shown: NOTHING_SHOWN }, null);
    }
  }

  get counts(): Counts {
    return { ...this.#counts };
  }

  /** Oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  get propagation(): Propagation {
    const sorted = [...this.#times].sort((a, b) => a - b);
    const at = (part: number) => sorted[Math.ceil(sorted.length * part) - 1] ?? null;
    return { p50: at(0.5), p99: at(0.99), changes: sorted.length };
  }

  /** Calls the listener whenever somebody is shown otherwise than before. The result ends it. */
  subscribe(listener: (person: PersonId) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
    this.#timer[Symbol.dispose]();
    this.#listeners.clear();
  }

  #changed({ person, shown }: Pick<Change, 'person' | 'shown'>, begun: number | null): void {
    if (!isNews(this.#faces.get(person), shown)) return;
    this.#keep(person, shown);
    this.#metrics?.counted(this.#counts);
    if (begun !== null) {
      const took = this.#clock.now() - begun;
      this.#metrics?.told(took);
      this.#times.push(took);
      if (this.#times.length > MAX_TIMES) this.#times.shift();
    }
    for (const listener of this.#listeners) listener(person);
  }

  #keep(person: PersonId, shown: Shown): void {
    const before = this.#faces.get(person)?.mode ?? 'offline';
    if (before !== 'offline') this.#counts[before]--;
    if (shown.mode === 'offline') {
      this.#faces.delete(person);
    } else {
      this.#counts[shown.mode]++;
      this.#faces.set(person, shown);
    }
  }

  #sample(): void {
    this.#samples.push({ at: this.#clock.now(), ...this.#counts });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
    this.#timer = this.#clock.after(SAMPLE_MS, () => this.#sample());
  }
}

import type { AuditSources } from './audit.ts';
import { auditRows } from './audit.ts';
import type { Clock } from './clock.ts';
import { Deadlines } from './deadlines.ts';
import { BridgeError } from './errors.ts';
import type { Actor, Directory } from './directory.ts';
import { isHere, nextChange } from './expiry.ts';
import type { Report as FeedReport } from './feed.ts';
import { besides, feedOf, reduceLease, reduceReport, reduceWritten } from './feed.ts';
import type { NetworkName, Person, PersonId } from './identity.ts';
import type { Feed, PresenceRecord, Written } from './record.ts';
import { BLANK } from './record.ts';
import type { ExplicitWrite, Rules } from './reduce.ts';
import { reduce, reduceSignal } from './reduce.ts';
import { Serial } from './serial.ts';
import type { Signal } from './signal.ts';
import type { Own, Projection, Shown } from './shown.ts';
import { project } from './shown.ts';
import type { PresenceStore } from './store.ts';
import { maySee } from './visibility.ts';
import type { Explanation, Revelation } from './why.ts';
import { explain, reveal } from './why.ts';

/** The most changes of one person that may wait for their turn. */
const WAITING_LIMIT = 1000;
/** Lost races with other nodes before a write is given up as overloaded. */
const MAX_ATTEMPTS = 16;
/** Until a timer that could not be carried out is tried again, ms. */
const RETRY_AFTER_MS = 1000;
/** People read at a time where all are. */
const PAGE = 500;

export interface PresenceServiceOptions extends AuditSources {
  readonly store: PresenceStore;
  readonly directory: Pick<Directory, 'people' | 'relations' | 'commit'>;
  readonly clock: Clock;
  readonly rules: Rules;
  readonly report: Report;
}

/** Where trouble goes that no caller waits for. */
export type Report = (problem: string, error: unknown) => void;

/** What somebody is at one version of her record; equal versions differ only by the passing of time. */
export interface Change extends Projection {
  readonly person: PersonId;
  readonly version: number;
}

/** `begun` is when what led to the change was taken up on this node, ms since 1970; null when time or another node did. */
export type ChangeListener = (change: Change, begun: number | null) => void;

/** The one write path and the one read path. Only links and removals move whole records, and then `reread` follows. */
export class PresenceService implements Disposable {
  readonly #store: PresenceStore;
  readonly #directory: PresenceServiceOptions['directory'];
  readonly #clock: Clock;
  readonly #sources: AuditSources;
  readonly #rules: Rules;
  readonly #report: Report;
  readonly #turns = new Serial<PersonId>();
  readonly #deadlines: Deadlines<PersonId>;
  readonly #listeners = new Set<ChangeListener>();

  constructor({ store, directory, clock, secrets, rules, report }: PresenceServiceOptions) {
    this.#store = store;
    this.#directory = directory;
    this.#clock = clock;
    this.#sources = { clock, secrets };
    this.#rules = rules;
    this.#report = report;
    this.#deadlines = new Deadlines(clock, (person) => void this.#passTime(person));
  }

  /** Takes up the timers of a store that was used before. Errors as in the store. */
  async start(): Promise<void> {
    for await (const [person, record] of this.#store.unsettled(this.#clock.now()))
      this.#schedule(person, record);
  }

  /** Applies what she says and answers what she now sees of herself, once it is durable. Errors as in the store. */
  async write(person: PersonId, write: ExplicitWrite): Promise<Own> {
    return (await this.#change(person, (record, now) => reduce(record, write, now, this.#rules))).own;
  }

  /** Applies what a connection says by itself, once it is durable. Errors as in the store. */
  async signal(person: PersonId, signal: Signal): Promise<void> {
    await this.#change(person, (record, now) => reduceSignal(record, signal, now, this.#rules));
  }

  /** Applies what a network's own server says of her, once it is durable. Errors as in the store. */
  async report(person: PersonId, report: FeedReport): Promise<void> {
    await this.#change(person, (record, now) => reduceReport(record, report, now, this.#rules));
  }

  /** Keeps what the bridge wrote to that network's server in her name, once it is durable. Errors as in the store. */
  async noteWritten(person: PersonId, network: NetworkName, written: Written | null): Promise<void> {
    await this.#change(person, (record) => reduceWritten(record, network, written));
  }

  /** Believes what that network's server said of her until `endsAt`, ms since 1970. Errors as in the store. */
  async extendFeed(person: PersonId, network: NetworkName, endsAt: number): Promise<void> {
    await this.#change(person, (record, now) => reduceLease(record, network, endsAt, now, this.#rules));
  }

  /** What that network's server last said of her, and what is shown of her without it. */
  async apart(person: PersonId, network: NetworkName): Promise<{ feed: Feed | null; shown: Shown }> {
    const record = (await this.#store.get(person)) ?? BLANK;
    const { shown } = project(besides(record, network), this.#clock.now(), this.#rules.timing);
    return { feed: feedOf(record, network), shown };
  }

  /** Everybody whom that network's server said to be there, and until when it is believed (ms since 1970); in no order. */
  async *fed(network: NetworkName): AsyncGenerator<{ person: PersonId; endsAt: number }> {
    const now = this.#clock.now();
    for await (const [person, record] of this.#store.unsettled(now)) {
      const feed = feedOf(record, network);
      if (feed && isHere(feed, now)) yield { person, endsAt: feed.endsAt };
    }
  }

  /** Everybody who is not shown offline, with what is shown; in no order. */
  async *present(): AsyncGenerator<Change> {
    for await (const [person, record] of this.#candidates()) {
      const change = this.#view(person, record);
      if (change.shown.mode !== 'offline') yield change;
    }
  }

  /** Whoever may be present: those whom time will take away, or everybody where it takes away nobody. */
  async *#candidates(): AsyncGenerator<readonly [PersonId, PresenceRecord]> {
    const { claimTtl, busyTtl } = this.#rules.timing;
    if (claimTtl < Infinity && busyTtl < Infinity) {
      yield* this.#store.unsettled(this.#clock.now());
      return;
    }
    const { people } = this.#directory;
    let page = await people.page(null, PAGE);
    while (page.length > 0) {
      for (const { id } of page) yield [id, (await this.#store.get(id)) ?? BLANK];
      page = await people.page(page.at(-1)?.id ?? null, PAGE);
    }
  }

  /** What she sees of herself. */
  async own(person: PersonId): Promise<Own> {
    return (await this.look(person)).own;
  }

  /** What `reader` is shown of another; null when she may not see her, which must answer like unknown (semantics §9). */
  async shown(reader: PersonId, target: Person): Promise<Shown | null> {
    const relation = await this.#directory.relations.between(reader, target.id);
    if (!maySee(target.visibility, relation)) return null;
    return (await this.look(target.id)).shown;
  }

  /** Both views of somebody, for whoever has found out which of them to pass on. */
  async look(person: PersonId): Promise<Change> {
    return this.#view(person, (await this.#store.get(person)) ?? BLANK);
  }

  /** Why she is shown as she is: what anybody may be told. Errors as in the store. */
  async explain(person: PersonId): Promise<Explanation> {
    const record = (await this.#store.get(person)) ?? BLANK;
    return explain(record, this.#clock.now(), this.#rules.timing);
  }

  /** What she really is, also while she hides it. Who wants to know, and why, is kept first. Errors as in the store. */
  async reveal(person: PersonId, by: Actor, reason: string): Promise<Revelation> {
    const note = { subjects: [person], details: { reason } };
    await this.#directory.commit(auditRows(this.#sources, by, 'reveal', note));
    const record = (await this.#store.get(person)) ?? BLANK;
    return reveal(record, this.#clock.now(), this.#rules.timing);
  }

  /** Tells listeners and timers how these people are now; for whoever changed their records by a directory commit. */
  async reread(people: readonly PersonId[]): Promise<void> {
    await Promise.all(
      people.map((person) =>
        this.#turns.run(person, async () => {
          this.#publish(person, (await this.#store.get(person)) ?? BLANK, null);
        }),
      ),
    );
  }

  /**
   * Tells listeners and timers of everybody whom time has yet to change, or had when it was last looked; for a node to
   * which changes may not have come. Errors as in the store.
   */
  async rereadUnsettled(): Promise<void> {
    const people = new Set(this.#deadlines.keys());
    for await (const [person] of this.#store.unsettled(this.#clock.now())) people.add(person);
    const all = [...people];
    for (let from = 0; from < all.length; from += PAGE) await this.reread(all.slice(from, from + PAGE));
  }

  /**
   * Calls `listener` with every change once it is durable, and when time alone has changed what is seen; one person's
   * in version order. The result ends it.
   */
  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.dispose](): void {
    this.#deadlines[Symbol.dispose]();
    this.#listeners.clear();
  }

  async #change(
    person: PersonId,
    step: (record: PresenceRecord, now: number) => PresenceRecord,
  ): Promise<Projection> {
    const begun = this.#clock.now();
    const attempts = async () => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const record = (await this.#store.get(person)) ?? BLANK;
        const now = this.#clock.now();
        const next = step(record, now);
        if (next === record) return project(record, now, this.#rules.timing);
        if (!(await this.#store.compareAndSet(person, record.version, next))) continue;
        if (record.version === 0) await this.#demandPerson(person, next);
        return this.#publish(person, next, begun);
      }
      throw new BridgeError('overloaded');
    };
    return this.#turns.run(person, attempts, WAITING_LIMIT);
  }

  /** A first record may be that of somebody who was removed or linked away meanwhile: it is taken back. */
  async #demandPerson(person: PersonId, record: PresenceRecord): Promise<void> {
    if (await this.#directory.people.byId(person)) return;
    await this.#directory.commit([{ row: 'presence', person, expected: record.version, value: null }]);
    throw new BridgeError('not_found', 'No such person');
  }

  /** A deadline: the record is as it was, but what is seen of it may not be. A store that cannot read is asked again. */
  async #passTime(person: PersonId): Promise<void> {
    try {
      await this.reread([person]);
    } catch (error) {
      this.#report('a timer could not be carried out yet', error);
      this.#deadlines.set(person, this.#clock.now() + RETRY_AFTER_MS);
    }
  }

  #publish(person: PersonId, record: PresenceRecord, begun: number | null): Projection {
    const change = this.#view(person, record);
    this.#schedule(person, record);
    for (const listener of this.#listeners) {
      try {
        listener(change, begun);
      } catch (error) {
        this.#report('a listener failed', error); // the change itself is durable
      }
    }
    return change;
  }

  #schedule(person: PersonId, record: PresenceRecord): void {
    this.#deadlines.set(person, nextChange(record, this.#clock.now(), this.#rules.timing));
  }

  #view(person: PersonId, record: PresenceRecord): Change {
    return { person, version: record.version, ...project(record, this.#clock.now(), this.#rules.timing) };
  }
}

import type { Clock } from '../../presence/clock.ts';
import { isHere } from '../../presence/expiry.ts';
import type { Report } from '../../presence/feed.ts';
import type { NetworkName, PersonId } from '../../presence/identity.ts';
import type { Feed, Mode, SeenStatus, Written } from '../../presence/record.ts';
import type { PresenceService } from '../../presence/service.ts';
import { plexichatDialect } from '../../protocols/plexichat/codec.ts';
import type { ServerPresence } from '../../protocols/plexichat/server.ts';
import { isOurs, sameWord } from './authorship.ts';

/** How long the server may answer with the custom status before the newest, ms (contract §0.10). */
const STALE_TEXT_MS = 300_000;

export interface IntakeOptions {
  readonly presence: Pick<PresenceService, 'report' | 'apart' | 'noteWritten'>;
  readonly network: NetworkName;
  readonly leases: { endsAt(): number };
  readonly clock: Clock;
  /** Without it nothing is taken from the server; it is still found out who wrote what is there. */
  readonly receive: boolean;
}

/** What the server was found to show of somebody. */
export interface Reading {
  /** Whether the bridge wrote it; else it is her own word, and reported. */
  readonly ours: boolean;
  /** The feed as it was before. */
  readonly before: Feed | null;
}

/** Turns what the server says of a person into reports of her own words, and keeps the words of the bridge out. */
export class Intake {
  readonly #options: IntakeOptions;
  /** By person, until when her custom status may be read stale, ms since 1970. */
  readonly #staleUntil = new Map<PersonId, number>();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  async feed(person: PersonId): Promise<Feed | null> {
    return (await this.#options.presence.apart(person, this.#options.network)).feed;
  }

  /**
   * An event is her newest word. The status of one that takes her out of sight is not taken: it may be what she said
   * while going invisible, and going invisible must look like going offline (semantics §6). For the same reason she goes
   * only once. `echo`: it may be what the bridge wrote. Answers whether it was news.
   */
  async event(person: PersonId, mode: Mode, status?: SeenStatus, echo = false): Promise<boolean> {
    const now = this.#options.clock.now();
    if (isAway(mode)) return this.#leave(person, now, echo);
    if (status) this.#distrustReads(person, now);
    await this.#report(person, { mode, own: false, activeAt: now, ...(status && { status }) });
    return true;
  }

  /** A list tells words and nothing else. Answers whether it was news. */
  async listed(person: PersonId, mode: Mode): Promise<boolean> {
    if (isAway(mode)) return this.#leave(person, null);
    const feed = await this.feed(person);
    if (this.#isHere(feed) && feed && sameWord(feed.mode, mode)) return false;
    await this.#report(person, { mode, own: false, activeAt: null });
    return true;
  }

  /** A state as the server keeps it: what she herself is told (`own`), or what others are. */
  async read(person: PersonId, state: ServerPresence, own: boolean): Promise<Reading> {
    const before = await this.feed(person);
    const { mode, seenAt } = state;
    if (mode !== 'invisible' && isOurs(before, state)) {
      // A write of which no reply was seen: it was carried out, or the one before it still stands.
      if (before?.written && before.written.at < 0) await this.#note(person, { mode, at: seenAt ?? 0 });
      return { ours: true, before };
    }
    if (own && isAway(mode)) await this.#ownLeave(person, mode, before);
    else await this.#readHers(person, state);
    // What is there now is no word of the bridge any more, so nothing of it is left to be taken back.
    if (before?.written) await this.#note(person, null);
    return { ours: false, before };
  }

  async #readHers(person: PersonId, { mode, status, seenAt }: ServerPresence): Promise<void> {
    if (isAway(mode)) {
      await this.#leave(person, null);
      return;
    }
    const activeAt = seenAt === null ? null : Math.min(seenAt, this.#options.clock.now());
    const stale = this.#mayBeStale(person);
    await this.#report(person, { mode, own: false, activeAt, ...(!stale && { status }) });
  }

  async #ownLeave(person: PersonId, mode: Mode, before: Feed | null): Promise<void> {
    if ((before?.mode ?? 'offline') === mode) return;
    await this.#report(person, { mode, own: true, activeAt: null });
  }

  async #leave(person: PersonId, activeAt: number | null, echo = false): Promise<boolean> {
    if (!this.#isHere(await this.feed(person))) return false;
    await this.#report(person, { mode: 'offline', own: false, activeAt, echo });
    return true;
  }

  async #note(person: PersonId, written: Written | null): Promise<void> {
    await this.#options.presence.noteWritten(person, this.#options.network, written);
  }

  async #report(
    person: PersonId,
    word: Pick<Report, 'mode' | 'own' | 'status' | 'activeAt' | 'echo'>,
  ): Promise<void> {
    const { presence, network, leases, receive } = this.#options;
    if (!receive) return;
    await presence.report(person, { network, dialect: plexichatDialect, ...word, endsAt: leases.endsAt() });
  }

  #isHere(feed: Feed | null): boolean {
    return feed !== null && isHere(feed, this.#options.clock.now());
  }

  #mayBeStale(person: PersonId): boolean {
    return (this.#staleUntil.get(person) ?? 0) > this.#options.clock.now();
  }

  #distrustReads(person: PersonId, now: number): void {
    this.#staleUntil.delete(person);
    this.#staleUntil.set(person, now + STALE_TEXT_MS);
    for (const [oldest, until] of this.#staleUntil) {
      if (until > now) return;
      this.#staleUntil.delete(oldest);
    }
  }
}

function isAway(mode: Mode): boolean {
  return mode === 'offline' || mode === 'invisible';
}

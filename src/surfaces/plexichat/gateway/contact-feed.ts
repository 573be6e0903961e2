import { LRUCache } from 'lru-cache';
import type { Sighting, Watcher } from '../../../presence/audience.ts';
import type { Network } from '../../../presence/network.ts';
import { idOn } from '../../../presence/network.ts';
import type { Shown } from '../../../presence/shown.ts';
import type { Dispatch } from '../../../protocols/plexichat/frames.ts';
import { presenceEvent } from '../../../protocols/plexichat/frames.ts';

interface UserEvent {
  readonly userId: string;
  readonly event: Dispatch;
}

/** Users whose last event is remembered. */
const MAX_EVENTS = 10_000;

/** Encodes sightings. One change goes to all who watch in a row, so remembering the last event saves nearly all work. */
export class PresenceEncoder {
  readonly #network: Network;
  /** So that all sessions hold the same event, and not each its own in the same words. */
  readonly #events = new LRUCache<string, Dispatch>({ max: MAX_EVENTS });
  #last: (UserEvent & { readonly shown: Shown }) | null = null;

  constructor(network: Network) {
    this.#network = network;
  }

  encode({ person, shown }: Sighting): UserEvent {
    const userId = idOn(person, this.#network);
    if (this.#last?.userId === userId && this.#last.shown === shown) return this.#last;
    const last = { userId, shown, event: this.#shared(userId, presenceEvent(userId, shown)) };
    this.#last = last;
    return last;
  }

  #shared(userId: string, event: Dispatch): Dispatch {
    const known = this.#events.get(userId);
    if (known?.d === event.d) return known;
    this.#events.set(userId, event);
    return event;
  }
}

/** Turns what an observer sees of her contacts into events, none of which repeats the one before. */
export class ContactFeed implements Watcher {
  readonly #encoder: PresenceEncoder;
  readonly #dispatch: (event: Dispatch) => void;
  /** What the client knows of each user, as JSON. */
  readonly #told = new Map<string, string>();
  /** Sightings from before `begin`; null afterwards. */
  #early: Sighting[] | null = [];

  constructor(encoder: PresenceEncoder, dispatch: (event: Dispatch) => void) {
    this.#encoder = encoder;
    this.#dispatch = dispatch;
  }

  /** Starts from a view, told to the client or not, and goes on with whatever was sighted since it was taken. */
  begin(view: readonly Sighting[], tell: boolean): void {
    for (const sighting of view) {
      const { userId, event } = this.#encoder.encode(sighting);
      this.#told.set(userId, event.d);
      if (tell) this.#dispatch(event);
    }
    const early = this.#early ?? [];
    this.#early = null;
    for (const sighting of early) this.sighted(sighting);
  }

  sighted(sighting: Sighting): void {
    if (this.#early) {
      this.#early.push(sighting);
      return;
    }
    const { userId, event } = this.#encoder.encode(sighting);
    // Activity alone is told to other clients, but is no part of the event here.
    if (this.#told.get(userId) === event.d) return;
    this.#told.set(userId, event.d);
    this.#dispatch(event);
  }

  own(): void {
    // A person's own changes are not sent to her (Plexichat gateway: PRESENCE_UPDATE).
  }
}

import { BridgeError } from '../../../presence/errors.ts';
import type { Person, PersonId } from '../../../presence/identity.ts';
import type { StreamOptions } from './stream.ts';
import { Stream } from './stream.ts';

export interface HubOptions extends StreamOptions {
  /** How long a stream is kept for a client that comes back, ms. */
  readonly streamTtlMs: number;
  readonly maxStreams: number;
  /** The most requests of one person at a time. */
  readonly waitersPerPerson: number;
}

interface Slot {
  readonly stream: Promise<Stream>;
  readers: number;
  /** Set while nobody reads. */
  expiry: Disposable | null;
}

/** One stream for each observer who reads or has read lately. */
export class StreamHub implements Disposable {
  readonly #options: HubOptions;
  /** Least recently used first. */
  readonly #slots = new Map<PersonId, Slot>();

  constructor(options: HubOptions) {
    this.#options = options;
  }

  /**
   * Reads from her stream. Throws `rate_limited` when too many of her requests are doing so, `overloaded` when
   * everybody's streams are in use; otherwise errors as in the store.
   */
  async use<T>(self: Person, read: (stream: Stream) => Promise<T>): Promise<T> {
    const slot = this.#take(self);
    try {
      const stream = await slot.stream;
      stream.meet(self);
      return await read(stream);
    } finally {
      this.#leave(self.id, slot);
    }
  }

  [Symbol.dispose](): void {
    for (const [id, slot] of this.#slots) this.#close(id, slot);
  }

  #take(self: Person): Slot {
    const slot = this.#slots.get(self.id) ?? this.#open(self);
    if (slot.readers >= this.#options.waitersPerPerson) {
      throw new BridgeError('rate_limited', 'Too many of your requests are waiting');
    }
    slot.readers++;
    slot.expiry?.[Symbol.dispose]();
    slot.expiry = null;
    this.#slots.delete(self.id);
    this.#slots.set(self.id, slot);
    return slot;
  }

  #open(self: Person): Slot {
    if (this.#slots.size >= this.#options.maxStreams) this.#makeRoom();
    const slot: Slot = { stream: Stream.open(self, this.#options), readers: 0, expiry: null };
    slot.stream.catch(() => this.#close(self.id, slot));
    return slot;
  }

  #makeRoom(): void {
    for (const [id, slot] of this.#slots) {
      if (slot.readers === 0) {
        this.#close(id, slot);
        return;
      }
    }
    throw new BridgeError('overloaded');
  }

  #leave(id: PersonId, slot: Slot): void {
    slot.readers--;
    if (slot.readers > 0 || this.#slots.get(id) !== slot) return;
    slot.expiry = this.#options.clock.after(this.#options.streamTtlMs, () => this.#close(id, slot));
  }

  #close(id: PersonId, slot: Slot): void {
    slot.expiry?.[Symbol.dispose]();
    if (this.#slots.get(id) === slot) this.#slots.delete(id);
    slot.stream.then((stream) => stream[Symbol.dispose]()).catch(() => undefined);
  }
}

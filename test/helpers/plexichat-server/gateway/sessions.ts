import { randomBytes } from 'node:crypto';
import type { GatewayEvent } from '../presence.ts';
import type { Settings } from '../options.ts';
import { FixedWindow } from '../windows.ts';
import { dispatchFrame } from './frames.ts';

const KEPT_EVENTS = 100;
/** After its last event a session can be resumed for so long, ms. */
const RESUMABLE = 60_000;
const DISPATCHES_PER_MINUTE = 120;

/** Where the frames of a session go. */
export interface Receiver {
  send(frame: string): void;
}

interface Sent {
  readonly seq: number;
  readonly frame: string;
}

/** What IDENTIFY began: it outlives its socket, and its numbers go on in the next one (contract §3.8). */
export class Session {
  readonly id = randomBytes(16).toString('hex');
  readonly userId: string;
  readonly intents: number;
  receiver: Receiver | null;
  readonly #settings: Settings;
  #cap: FixedWindow;
  #seq = 0;
  #sent: Sent[] = [];
  #lastEventAt = 0;

  constructor(settings: Settings, userId: string, intents: number, receiver: Receiver) {
    this.#settings = settings;
    this.userId = userId;
    this.intents = intents;
    this.receiver = receiver;
    this.#cap = this.#newCap();
  }

  get seq(): number {
    return this.#seq;
  }

  get resumable(): boolean {
    return this.#settings.clock.now() - this.#lastEventAt <= RESUMABLE;
  }

  /** READY is the first of its events, and does not count towards the cap. */
  ready(json: string): void {
    this.#dispatch('READY', json);
  }

  /** Whether it has the intent, and a socket to get it through. */
  wants({ intent }: GatewayEvent): boolean {
    if (!this.receiver && this.#settings.defects.gapLost) return false;
    return intent === 0 || (this.intents & intent) !== 0;
  }

  /** An event that happened: filtered, capped and numbered. */
  deliver(event: GatewayEvent): void {
    if (!this.wants(event)) return;
    const { type, json } = event;
    if (this.#settings.defects.dispatchesCapped) {
      if (!this.#cap.look('').allowed) return;
      this.#cap.take('');
    }
    this.#dispatch(type, json);
  }

  /** Moves to another socket: RESUMED, then what that client has not seen, as it was sent then. */
  resume(receiver: Receiver, clientSeq: number): void {
    this.receiver = receiver;
    this.#cap = this.#newCap();
    const { seqFromClient } = this.#settings.dialect;
    const missed = this.#sent.filter(({ seq }) => seq > clientSeq);
    this.#seq = seqFromClient ? clientSeq : Math.max(this.#seq, clientSeq);
    receiver.send(dispatchFrame('RESUMED', this.#seq, '{}'));
    for (const { frame } of missed) receiver.send(frame);
  }

  #newCap(): FixedWindow {
    return new FixedWindow(this.#settings.clock, DISPATCHES_PER_MINUTE, 60_000);
  }

  #dispatch(type: string, json: string): void {
    this.#seq += 1;
    this.#lastEventAt = this.#settings.clock.now();
    const frame = dispatchFrame(type, this.#seq, json);
    this.#sent = [...this.#sent, { seq: this.#seq, frame }].slice(-KEPT_EVENTS);
    this.receiver?.send(frame);
  }
}

import type { Clock } from '../../presence/clock.ts';
import { OPS } from '../../protocols/plexichat/frames.ts';
import type { ServerFrame } from '../../protocols/plexichat/server-frames.ts';
import {
  decodeHello,
  decodeReady,
  heartbeatFrame,
  identifyFrame,
  RECONNECT,
  resumeFrame,
} from '../../protocols/plexichat/server-frames.ts';
import { PlexichatFault } from './fault.ts';
import { GatewayHeartbeat } from './gateway-heartbeat.ts';
import type { SocketEnd } from './gateway-socket.ts';
import { GatewaySocket } from './gateway-socket.ts';

/** The longest until HELLO, connecting included, and again until the answer to IDENTIFY or RESUME, ms. */
const PATIENCE = 20_000;

/** What IDENTIFY began and RESUME goes on with. */
export interface GatewaySession {
  readonly id: string;
  readonly userId: string;
  readonly guildIds: readonly string[];
  /** The number of the last event that came. */
  seq: number;
}

/** `silent`: what the server owes did not come. `rate_limited`: there is no budget for an IDENTIFY. */
export type LinkEnd = SocketEnd | 'silent' | 'rate_limited';

export interface LinkEnding {
  readonly end: LinkEnd;
  /** The close code; null when the server sent none. */
  readonly code: number | null;
  /** Whether its session may be resumed. */
  readonly resumable: boolean;
  /** When to try again, ms; null when nobody said. */
  readonly retryAfterMs: number | null;
}

export interface GatewayLinkOptions {
  readonly url: string;
  readonly token: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** What to resume; null to identify. */
  readonly session: GatewaySession | null;
  /** Resolves when an IDENTIFY may be sent. Throws PlexichatFault, or the reason of its signal. */
  readonly mayIdentify: (signal: AbortSignal) => Promise<void>;
  ready(session: GatewaySession, resumed: boolean): void;
  event(type: string, d: unknown): void;
  /** The last word, told once. */
  ended(ending: LinkEnding): void;
}

type Phase = 'connecting' | 'resuming' | 'identifying' | 'ready' | 'ended';

/** One socket, from HELLO to its end. */
export class GatewayLink {
  readonly #options: GatewayLinkOptions;
  readonly #socket: GatewaySocket;
  readonly #over = new AbortController();
  #phase: Phase = 'connecting';
  #session: GatewaySession | null;
  #heartbeat: GatewayHeartbeat | null = null;
  #deadline: Disposable;

  constructor(options: GatewayLinkOptions) {
    this.#options = options;
    this.#session = options.session;
    this.#deadline = this.#startDeadline();
    this.#socket = new GatewaySocket(options.url, {
      frame: (frame) => this.#receive(frame),
      ended: (end, code) => this.#end({ end, code }),
    });
  }

  /** Ends it without a further word. Resolves when the socket is gone. */
  async cut(): Promise<void> {
    this.#stop();
    await this.#socket.cut();
  }

  #receive({ op, t, s, d }: ServerFrame): void {
    if (op === OPS.hello) this.#greet(d);
    else if (op === OPS.heartbeatAck) this.#heartbeat?.acknowledge();
    else if (op === OPS.invalidSession) this.#invalidated();
    else if (op === RECONNECT) this.#fail('closed');
    else if (op === OPS.dispatch && t !== null) this.#dispatched(t, s, d);
  }

  #greet(d: unknown): void {
    const intervalMs = decodeHello(d);
    if (intervalMs === null || this.#phase !== 'connecting') {
      this.#fail('garbage');
      return;
    }
    const { clock, random, token } = this.#options;
    this.#heartbeat = new GatewayHeartbeat({
      intervalMs,
      clock,
      random,
      beat: () => this.#socket.send(heartbeatFrame(this.#session?.seq ?? null)),
      silent: () => this.#fail('silent'),
    });
    if (!this.#session) {
      void this.#identify();
      return;
    }
    this.#phase = 'resuming';
    this.#restartDeadline();
    this.#socket.send(resumeFrame(token, this.#session.id, this.#session.seq));
  }

  /** Refused to resume, the same socket takes an IDENTIFY (Plexichat gateway: resume). */
  #invalidated(): void {
    if (this.#phase === 'resuming') void this.#identify();
    else this.#fail('closed');
  }

  async #identify(): Promise<void> {
    this.#phase = 'identifying';
    this.#session = null;
    this.#deadline[Symbol.dispose]();
    try {
      await this.#options.mayIdentify(this.#over.signal);
    } catch (error) {
      const retryAfterMs = error instanceof PlexichatFault ? error.retryAfterMs : null;
      this.#fail('rate_limited', retryAfterMs);
      return;
    }
    if (this.#over.signal.aborted) return;
    this.#restartDeadline();
    this.#socket.send(identifyFrame(this.#options.token));
  }

  #dispatched(type: string, seq: number | null, d: unknown): void {
    if (type === 'READY') this.#begin(d);
    if (this.#session && seq !== null) this.#session.seq = seq;
    if (type === 'RESUMED' && this.#phase === 'resuming' && this.#session)
      this.#becomeReady(this.#session, true);
    else if (this.#phase === 'ready') this.#options.event(type, d);
  }

  #begin(d: unknown): void {
    const ready = decodeReady(d);
    if (!ready) {
      this.#fail('garbage');
      return;
    }
    // Resuming from the very beginning replays READY.
    if (this.#phase !== 'identifying') return;
    const { sessionId: id, userId, guildIds } = ready;
    this.#session = { id, userId, guildIds, seq: 0 };
    this.#becomeReady(this.#session, false);
  }

  #becomeReady(session: GatewaySession, resumed: boolean): void {
    this.#phase = 'ready';
    this.#deadline[Symbol.dispose]();
    this.#options.ready(session, resumed);
  }

  #fail(end: LinkEnd, retryAfterMs: number | null = null): void {
    if (this.#phase === 'ended') return;
    void this.#socket.cut();
    this.#end({ end, code: null, retryAfterMs });
  }

  #end(said: Pick<LinkEnding, 'end' | 'code'> & Partial<LinkEnding>): void {
    if (this.#phase === 'ended') return;
    // What broke while it was resumed, or by what it said, would break again.
    const resumable = (this.#phase === 'connecting' || this.#phase === 'ready') && said.end !== 'garbage';
    this.#stop();
    this.#options.ended({ resumable, retryAfterMs: null, ...said });
  }

  #stop(): void {
    this.#phase = 'ended';
    this.#deadline[Symbol.dispose]();
    this.#heartbeat?.[Symbol.dispose]();
    this.#over.abort();
  }

  #restartDeadline(): void {
    this.#deadline[Symbol.dispose]();
    this.#deadline = this.#startDeadline();
  }

  #startDeadline(): Disposable {
    return this.#options.clock.after(PATIENCE, () => this.#fail('silent'));
  }
}

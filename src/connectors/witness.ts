import type { Outbound, OutboundReply, OutboundRequest } from './outbound.ts';

/** A reply, and when. */
export interface Witnessed extends OutboundReply {
  /** Half-way between the request and the reply, ms since 1970. */
  readonly at: number;
  /** How long it took, ms. */
  readonly tookMs: number;
}

/** The newest replies kept. */
const KEPT = 64;

/** Requests as ever, whose replies can be looked at afterwards. */
export class Witness implements Pick<Outbound, 'request'> {
  readonly #outbound: Pick<Outbound, 'request'>;
  readonly #now: () => number;
  readonly #replies: Witnessed[] = [];

  constructor(outbound: Pick<Outbound, 'request'>, now: () => number) {
    this.#outbound = outbound;
    this.#now = now;
  }

  /** Oldest first. */
  get replies(): readonly Witnessed[] {
    return this.#replies;
  }

  async request(request: OutboundRequest): Promise<OutboundReply> {
    const from = this.#now();
    const reply = await this.#outbound.request(request);
    const to = this.#now();
    this.#replies.push({ ...reply, at: (from + to) / 2, tookMs: to - from });
    if (this.#replies.length > KEPT) this.#replies.shift();
    return reply;
  }
}

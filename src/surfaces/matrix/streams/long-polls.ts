import type { FastifyReply, FastifyRequest } from 'fastify';
import { idOn } from '../../../presence/network.ts';
import type { SessionMode } from '../../../presence/record.ts';
import type { Own, Shown } from '../../../presence/shown.ts';
import type { User } from '../../../protocols/matrix/codec.ts';
import type { PresenceFilter } from '../../../protocols/matrix/filter.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext } from '../context.ts';
import { formatCursor } from './cursor.ts';
import { DeviceSessions } from './device-sessions.ts';
import { StreamHub } from './hub.ts';
import type { Start } from './poll.ts';
import { poll } from './poll.ts';
import type { Entry, Stream } from './stream.ts';

export type LongPollContext = Pick<
  MatrixContext,
  'audience' | 'presence' | 'people' | 'network' | 'clock' | 'graceMs' | 'sync'
>;

/** What a request asks of its user's stream. */
export interface Ask {
  readonly start: (stream: Stream) => Start;
  readonly timeoutMs: number;
  /** What the request says of its device; null for nothing. */
  readonly mode: SessionMode | null;
  readonly filter: PresenceFilter;
}

export interface Answer {
  readonly news: readonly { readonly user: User; readonly face: Own | Shown }[];
  /** Where the client is to go on from. */
  readonly next: string;
}

/** Answers requests from the streams of their users, and holds those that wait. */
export class LongPolls implements Disposable {
  readonly #context: LongPollContext;
  readonly #hub: StreamHub;
  readonly #sessions: DeviceSessions;

  constructor(context: LongPollContext) {
    const { sync, network } = context;
    this.#context = context;
    this.#hub = new StreamHub({ ...context, ...sync });
    this.#sessions = new DeviceSessions({ ...context, origin: network.name });
  }

  /** Errors as in `StreamHub.use`, and `unknown_token` when the token was revoked while its request was held. */
  async answer(
    request: FastifyRequest,
    reply: FastifyReply,
    { authenticate }: Pick<ApiVersion, 'authenticate'>,
    { start, mode, filter, ...ask }: Ask,
  ): Promise<Answer> {
    const { people, network, clock, sync, audience } = this.#context;
    const caller = callerOf(request);
    const self = await people.get(caller.person);
    const timeoutMs = Math.min(ask.timeoutMs, sync.maxTimeoutMs);
    const gone = goneSignal(reply);
    const wish = {
      wants: ({ person }: Entry) => filter.wants(idOn(person, network)),
      worthTelling: ({ person, face }: Entry) =>
        person.id === self.id || face.mode !== 'offline' || face.status !== null || sync.includeOffline,
      limit: filter.limit,
    };
    const failed = (err: unknown) => request.log.warn({ err }, 'a session could not be kept');

    const { entries, next } = await this.#hub.use(self, async (stream) => {
      await audience.catchUp(self.id);
      const hold = () => poll(stream, start(stream), wish, { clock, timeoutMs, gone });
      return mode === null ? hold() : this.#sessions.during(caller, { mode, timeoutMs }, failed, hold);
    });
    if (timeoutMs > 0) await authenticate.call(request.server, request, reply);
    const news = entries.map(({ person, face }) => {
      return { user: { ...person, userId: idOn(person, network) }, face };
    });
    return { news, next: formatCursor(next) };
  }

  /** Lets go of every request that is being held. */
  [Symbol.dispose](): void {
    this.#sessions[Symbol.dispose]();
    this.#hub[Symbol.dispose]();
  }
}

/** Given as a reason since the usual one, an exception with its stack, costs a tenth of a poll. */
const GONE = 'gone';

/** Aborted when the client hangs up, or has its answer. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once('close', () => controller.abort(GONE));
  if (raw.closed) controller.abort(GONE);
  return controller.signal;
}

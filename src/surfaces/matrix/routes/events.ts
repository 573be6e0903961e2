import type { FastifyInstance } from 'fastify';
import { decodeEventsQuery, encodeLegacyEvent } from '../../../protocols/matrix/codec.ts';
import { NO_FILTER } from '../../../protocols/matrix/filter.ts';
import type { ApiVersion, MatrixContext } from '../context.ts';
import type { LongPolls } from '../streams/long-polls.ts';
import { formatCursor, parseCursor } from '../streams/cursor.ts';
import { startOf } from '../streams/poll.ts';

/** Matrix v1 §events: GET events. Without `from` it begins now; listening counts as being online. */
export function events(
  app: FastifyInstance,
  api: ApiVersion,
  { clock }: Pick<MatrixContext, 'clock'>,
  polls: LongPolls,
): void {
  app.get(`${api.root}/events`, { onRequest: api.authenticate }, async (request, reply) => {
    const { since, timeoutMs } = decodeEventsQuery(request.query);
    let from = parseCursor(since);
    const { news, next } = await polls.answer(request, reply, api, {
      timeoutMs,
      mode: 'online',
      filter: NO_FILTER,
      start: (stream) => startOf(stream, (from ??= stream.cursorAt(stream.position)), false),
    });
    const chunk = news.map(({ user, face }) => encodeLegacyEvent(user, face, api.dialect, clock.now()));
    return { start: from && formatCursor(from), end: next, chunk };
  });
}

import type { FastifyInstance } from 'fastify';
import { decodeEventsQuery, encodeLegacyEvent } from '../../../protocols/matrix/codec.ts';
import { NO_FILTER } from '../../../protocols/matrix/filter.ts';
import { eventsAnswer, eventsQuery } from '../../../protocols/matrix/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import type { ApiVersion, MatrixContext } from '../context.ts';
import type { LongPolls } from '../streams/long-polls.ts';
import { formatCursor, parseCursor } from '../streams/cursor.ts';
import { startOf } from '../streams/poll.ts';

const documentation: Documentation = {
  summary: 'What is new since then, as soon as there is something',
  tags: ['streams'],
  querystring: eventsQuery,
  response: { 200: eventsAnswer.describe('Events may be none') },
  errors: ['overloaded'],
};

/** Matrix v1 §events: GET events. Without `from` it begins now; listening counts as being online. */
export function events(
  app: FastifyInstance,
  api: ApiVersion,
  { clock }: Pick<MatrixContext, 'clock'>,
  polls: LongPolls,
): void {
  app.get(
    `${api.root}/events`,
    { onRequest: api.authenticate, config: { documentation } },
    async (request, reply) => {
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
    },
  );
}

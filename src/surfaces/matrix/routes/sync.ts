import type { FastifyInstance } from 'fastify';
import { decodeSyncQuery, encodeSyncEvent } from '../../../protocols/matrix/codec.ts';
import { syncAnswer, syncQuery } from '../../../protocols/matrix/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import type { ApiVersion, MatrixContext } from '../context.ts';
import type { LongPolls } from '../streams/long-polls.ts';
import { parseCursor } from '../streams/cursor.ts';
import { startOf } from '../streams/poll.ts';

const documentation: Documentation = {
  summary: 'What is new, as soon as there is something',
  tags: ['streams'],
  querystring: syncQuery,
  response: { 200: syncAnswer.describe('Events may be none') },
  errors: ['bad_json', 'overloaded'],
};

/** Matrix §syncing: GET sync, of which the bridge has the presence part. */
export function sync(
  app: FastifyInstance,
  api: ApiVersion,
  { clock }: Pick<MatrixContext, 'clock'>,
  polls: LongPolls,
): void {
  app.get(
    `${api.root}/sync`,
    { onRequest: api.authenticate, config: { documentation } },
    async (request, reply) => {
      const { since, fullState, ...ask } = decodeSyncQuery(request.query);
      const cursor = parseCursor(since);
      const { news, next } = await polls.answer(request, reply, api, {
        ...ask,
        start: (stream) => startOf(stream, cursor, fullState),
      });
      const events = news.map(({ user, face }) => encodeSyncEvent(user, face, api.dialect, clock.now()));
      return { next_batch: next, ...(events.length > 0 && { presence: { events } }) };
    },
  );
}

import type { FastifyInstance } from 'fastify';
import { encodeLegacyEvent } from '../../../protocols/matrix/codec.ts';
import { NO_FILTER } from '../../../protocols/matrix/filter.ts';
import { initialSyncAnswer } from '../../../protocols/matrix/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import type { ApiVersion, MatrixContext } from '../context.ts';
import type { LongPolls } from '../streams/long-polls.ts';
import { startOf } from '../streams/poll.ts';

const documentation: Documentation = {
  summary: 'How those on your presence list are',
  tags: ['streams'],
  response: { 200: initialSyncAnswer.describe('Where to go on from is its `end`') },
  errors: ['overloaded'],
};

/** Matrix v1 §events: GET initialSync. It says nothing of its user: `GET events`, which follows it, does. */
export function initialSync(
  app: FastifyInstance,
  api: ApiVersion,
  { clock }: Pick<MatrixContext, 'clock'>,
  polls: LongPolls,
): void {
  app.get(
    `${api.root}/initialSync`,
    { onRequest: api.authenticate, config: { documentation } },
    async (request, reply) => {
      const { news, next } = await polls.answer(request, reply, api, {
        timeoutMs: 0,
        mode: null,
        filter: NO_FILTER,
        start: (stream) => startOf(stream, null, true),
      });
      const presence = news.map(({ user, face }) => encodeLegacyEvent(user, face, api.dialect, clock.now()));
      return { end: next, rooms: [], presence, receipts: [], account_data: [] };
    },
  );
}

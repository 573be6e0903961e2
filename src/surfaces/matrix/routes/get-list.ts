import type { FastifyInstance } from 'fastify';
import { idOn } from '../../../presence/network.ts';
import { encodePresenceEvent } from '../../../protocols/matrix/codec.ts';
import { presenceList } from '../../../protocols/matrix/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext, UserParams } from '../context.ts';
import { userParams } from '../context.ts';
import { demandSelf, viewOf } from '../users.ts';

const documentation: Documentation = {
  summary: 'Those on your presence list whom you may see',
  tags: ['presence'],
  params: userParams,
  response: { 200: presenceList.describe('Oldest entry first') },
};

/** Matrix v1 §presence: GET list. */
export function getList(
  app: FastifyInstance,
  { root, dialect, authenticate }: ApiVersion,
  context: Pick<MatrixContext, 'presence' | 'contacts' | 'people' | 'network' | 'clock'>,
): void {
  const url = `${root}/presence/list/:userId`;
  app.get<UserParams>(
    url,
    { onRequest: authenticate, exposeHeadRoute: true, config: { documentation } },
    async (request) => {
      const { person } = callerOf(request);
      await demandSelf(context, person, request.params.userId);
      const listed = await context.contacts.list(person);
      const events = await Promise.all(
        listed.map(async (contact) => {
          const view = await viewOf(context, person, contact);
          const user = { ...contact, userId: idOn(contact, context.network) };
          return view && encodePresenceEvent(user, view, dialect, context.clock.now());
        }),
      );
      return events.filter((event) => event !== null);
    },
  );
}

import type { FastifyInstance } from 'fastify';
import { idOn } from '../../../presence/network.ts';
import { whoamiAnswer } from '../../../protocols/matrix/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext } from '../context.ts';

const documentation: Documentation = {
  summary: 'Who the token belongs to',
  tags: ['account'],
  response: { 200: whoamiAnswer.describe('The caller') },
};

/** `GET /account/whoami`. */
export function whoami(
  app: FastifyInstance,
  { root, authenticate }: ApiVersion,
  { people, network }: Pick<MatrixContext, 'people' | 'network'>,
): void {
  const url = `${root}/account/whoami`;
  app.get(
    url,
    { onRequest: authenticate, exposeHeadRoute: true, config: { documentation } },
    async (request) => {
      const { person, deviceId } = callerOf(request);
      const userId = idOn(await people.get(person), network);
      return { user_id: userId, device_id: deviceId, is_guest: false };
    },
  );
}

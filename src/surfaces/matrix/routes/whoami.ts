import type { FastifyInstance } from 'fastify';
import { idOn } from '../../../presence/network.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext } from '../context.ts';

/** `GET /account/whoami`. */
export function whoami(
  app: FastifyInstance,
  { root, authenticate }: ApiVersion,
  { people, network }: Pick<MatrixContext, 'people' | 'network'>,
): void {
  const url = `${root}/account/whoami`;
  app.get(url, { onRequest: authenticate, exposeHeadRoute: true }, async (request) => {
    const { person, deviceId } = callerOf(request);
    const userId = idOn(await people.get(person), network);
    return { user_id: userId, device_id: deviceId, is_guest: false };
  });
}

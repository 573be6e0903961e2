import type { FastifyInstance } from 'fastify';
import { authentication } from '../auth.ts';
import type { AppserviceApi, AppserviceContext } from '../context.ts';
import { getRoom } from './get-room.ts';
import { getUser } from './get-user.ts';
import { postPing } from './post-ping.ts';
import { putTransaction } from './put-transaction.ts';
import { thirdParty } from './third-party.ts';

export function appserviceRoutes(app: FastifyInstance, context: AppserviceContext): void {
  const authenticate = authentication(context);
  const v1: AppserviceApi = { root: '/_matrix/app/v1', authenticate };
  const unstable: AppserviceApi = { root: '/_matrix/app/unstable', authenticate };
  // Matrix §application services: legacy routes
  const legacy: AppserviceApi = { root: '', authenticate };

  for (const api of [v1, legacy]) {
    putTransaction(app, api, context);
    getUser(app, api, context);
    getRoom(app, api);
  }
  for (const api of [v1, unstable]) thirdParty(app, api, context);
  postPing(app, v1);
}

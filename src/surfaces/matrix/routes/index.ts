import type { FastifyInstance } from 'fastify';
import { MODERN, MODERN_WITH_BUSY, V1 } from '../../../protocols/matrix/dialect.ts';
import { authentication } from '../auth.ts';
import type { ApiVersion, MatrixContext } from '../context.ts';
import type { LongPolls } from '../streams/long-polls.ts';
import { accountData } from './account-data.ts';
import { empty } from './empty.ts';
import { events } from './events.ts';
import { getFilter } from './get-filter.ts';
import { getList } from './get-list.ts';
import { getProfile } from './get-profile.ts';
import { getStatus } from './get-status.ts';
import { initialSync } from './initial-sync.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { postFilter } from './post-filter.ts';
import { postList } from './post-list.ts';
import { putStatus } from './put-status.ts';
import { sync } from './sync.ts';
import { versions } from './versions.ts';
import { whoami } from './whoami.ts';

export function matrixRoutes(app: FastifyInstance, context: MatrixContext, polls: LongPolls): void {
  const modern = {
    dialect: context.busy ? MODERN_WITH_BUSY : MODERN,
    authenticate: authentication(context, { queryTokens: context.queryTokens }),
  };
  const v1: ApiVersion = {
    root: '/_matrix/client/api/v1',
    dialect: V1,
    authenticate: authentication(context, { queryTokens: true }),
  };
  const r0: ApiVersion = { root: '/_matrix/client/r0', ...modern };
  const v3: ApiVersion = { root: '/_matrix/client/v3', ...modern };
  const unstable: ApiVersion = { root: '/_matrix/client/unstable', ...modern };

  versions(app, context);
  for (const api of [v1, r0, v3, unstable]) {
    putStatus(app, api, context);
    getStatus(app, api, context);
  }
  for (const api of [v1, r0]) {
    postList(app, api, context);
    getList(app, api, context);
    initialSync(app, api, context, polls);
    events(app, api, context, polls);
  }
  for (const api of [v1, r0, v3]) whoami(app, api, context);
  for (const api of [r0, v3]) {
    sync(app, api, context, polls);
    postFilter(app, api, context);
    getFilter(app, api, context);
    getProfile(app, api, context);
    accountData(app, api, context);
    login(app, api);
    logout(app, api, context);
    empty(app, api);
  }
}

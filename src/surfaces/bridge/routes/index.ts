import type { FastifyRequest } from 'fastify';
import { CALLER, demandOperator } from '../auth.ts';
import type { BridgeApp, DashboardContext } from '../context.ts';
import { audit } from './audit.ts';
import { blocks } from './blocks.ts';
import { createPerson } from './create-person.ts';
import { editPerson } from './edit-person.ts';
import { events } from './events.ts';
import { getPerson } from './get-person.ts';
import { issueToken } from './issue-token.ts';
import { links } from './links.ts';
import { listPeople } from './list-people.ts';
import { listTokens } from './list-tokens.ts';
import { me } from './me.ts';
import { mode } from './mode.ts';
import { myBlocks } from './my-blocks.ts';
import { myContacts } from './my-contacts.ts';
import { overview } from './overview.ts';
import { removePerson } from './remove-person.ts';
import { revokeTokens } from './revoke-tokens.ts';
import { serverTokens } from './server-tokens.ts';
import { session } from './session.ts';
import { servers } from './servers.ts';
import { why } from './why.ts';

/** Routes that only the operator may call. */
export function operatorRoutes(app: BridgeApp, context: DashboardContext): void {
  app.addHook('onRequest', (request: FastifyRequest) => demandOperator(request, context));
  createPerson(app, context);
  getPerson(app, context);
  listPeople(app, context);
  editPerson(app, context);
  removePerson(app, context);
  issueToken(app, context);
  listTokens(app, context);
  revokeTokens(app, context);
  blocks(app, context);
  servers(app, context);
  audit(app, context);
  why(app, context);
  overview(app, context);
  events(app, context);
}

/** How operators sign in with a browser. */
export function sessionRoutes(app: BridgeApp, context: DashboardContext): void {
  session(app, context);
}

/** Routes that users call for themselves. */
export function userRoutes(app: BridgeApp, context: DashboardContext): void {
  app.decorateRequest(CALLER, null);
  links(app, context);
  me(app, context);
  mode(app, context);
  myContacts(app, context);
  myBlocks(app, context);
  serverTokens(app, context);
}

import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { OPERATOR } from '../../../presence/audit.ts';
import type { Actor } from '../../../presence/directory.ts';
import { BridgeError } from '../../../presence/errors.ts';
import type { Address } from '../../../presence/identity.ts';
import { ownAddress } from '../../../presence/identity.ts';
import type { Network } from '../../../presence/network.ts';
import { demandWrite } from '../../../admission/gate.ts';
import { asBridgeError } from '../../http/bridge-error.ts';
import { demandOperator } from '../auth.ts';
import type { BridgeApp, DashboardContext } from '../context.ts';
import type { Failure } from '../dashboard/failures.ts';
import { bridgeRefusal } from '../errors.ts';
import {
  encodePerson,
  findPerson,
  idFields,
  networkFields,
  personIdParams,
  personSchema,
  readIds,
} from '../schemas.ts';

type LinksContext = Pick<
  DashboardContext,
  | 'people'
  | 'links'
  | 'networks'
  | 'gate'
  | 'secrets'
  | 'operatorTokenHash'
  | 'sessions'
  | 'failures'
  | 'clock'
>;

export function links(app: BridgeApp, context: LinksContext): void {
  const { networks, people } = context;
  const body = z
    .object(idFields(networks))
    .and(
      z.object(
        networkFields(networks, 'token', ({ name }) =>
          z.string().max(1024).optional().describe(`A live token of hers on ${name}`),
        ),
      ),
    );
  const split = z.object({ people: z.array(personSchema(networks)) });

  const config = { errors: ['not_found', 'conflict', 'upstream_unavailable'] as const };

  app.post('/links', {
    config,
    schema: {
      summary:
        'Make two accounts one person: an operator by ids, the user herself by a token of each network',
      tags: ['links'],
      body,
      response: { 200: personSchema(networks), 201: personSchema(networks) },
    },
    handler: async (request, reply) => {
      const { person, changed } = await noting('link', context, async () => {
        const { accounts, by } = await provenAccounts(request, request.body, context);
        return context.links.link(...accounts, by);
      });
      return reply.code(changed ? 201 : 200).send(encodePerson(person, networks));
    },
  });

  app.delete('/links', {
    config,
    schema: {
      summary: 'Give two linked accounts their own people again; named and proven as when linking',
      tags: ['links'],
      body,
      response: { 200: split },
    },
    handler: async (request) => {
      const parts = await noting('unlink', context, async () => {
        const { accounts, by } = await provenAccounts(request, request.body, context);
        const [a, b] = accounts;
        const [person, other] = [await people.find(a), await people.find(b)];
        if (!person || person.id !== other?.id)
          throw new BridgeError('not_found', 'The accounts are not linked');
        return context.links.unlink(person.id, by);
      });
      return { people: parts.map((part) => encodePerson(part, networks)) };
    },
  });

  app.delete('/links/:id', {
    config: { errors: ['conflict'] },
    schema: {
      summary: 'Unlink a person by any id of hers',
      tags: ['links'],
      params: personIdParams,
      response: { 200: split },
    },
    handler: async (request) => {
      await demandOperator(request, context);
      const parts = await noting('unlink', context, async () => {
        const { id } = await findPerson(people, networks, request.params.id);
        return context.links.unlink(id, OPERATOR);
      });
      return { people: parts.map((part) => encodePerson(part, networks)) };
    },
  });
}

/** Keeps what went wrong, for operators to see; whoever has shown no token at all is no news. */
async function noting<T>(
  what: Failure['what'],
  { failures, clock }: Pick<LinksContext, 'failures' | 'clock'>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const { code, message } = bridgeRefusal(asBridgeError(thrown)).body.error;
    if (code !== 'missing_token') failures.add({ at: clock.now(), what, code, message });
    throw thrown;
  }
}

/** Proof on both sides (semantics §1): a live token of each network, or the operator naming an id on each. */
async function provenAccounts(
  request: FastifyRequest,
  body: Readonly<Record<string, unknown>>,
  context: LinksContext,
): Promise<{ accounts: [Address, Address]; by: Actor }> {
  const { networks } = context;
  const byToken = networks.some(({ name }) => body[`${name}_token`] !== undefined);
  if (!byToken) await demandOperator(request, context);
  const proven = byToken
    ? await Promise.all(networks.map((network) => accountOfToken(request, body, network, context)))
    : readIds(body, networks).map((account) => ({ account, by: OPERATOR }) as const);
  const [a, b] = proven;
  if (!a || !b) throw new BridgeError('bad_json', 'Name an account on each network');
  return { accounts: [a.account, b.account], by: a.by };
}

async function accountOfToken(
  request: FastifyRequest,
  body: Readonly<Record<string, unknown>>,
  network: Network,
  { gate, people }: LinksContext,
): Promise<{ account: Address; by: Actor }> {
  const field = `${network.name}_token`;
  const token = body[field];
  if (typeof token !== 'string') throw new BridgeError('bad_json', `${field}: needed`);
  const caller = await gate.admit(token, request.ip, network.name);
  await demandWrite(gate, caller.person);
  const own = ownAddress(await people.get(caller.person), network.name);
  if (!own) throw new BridgeError('bad_parameter', `${field}: she has no account on ${network.name}`);
  return { account: own, by: caller.person };
}

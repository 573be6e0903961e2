import { z } from 'zod';
import { demandWrite } from '../../../admission/gate.ts';
import type { Address, PersonId } from '../../../presence/identity.ts';
import { admitUser, userOf } from '../auth.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { addressOf, anyIdParams } from '../schemas.ts';

interface Switch {
  /** With `:id` for any id of whom it is about. */
  readonly url: string;
  readonly put: string;
  readonly remove: string;
  /** Errors are those of the answer. */
  readonly change: (person: PersonId, address: Address, value: boolean) => Promise<void>;
}

/** What a user says of somebody with PUT, and takes back with DELETE. */
export function acquaintanceSwitch(
  app: BridgeApp,
  { gate, people, networks }: Pick<BridgeContext, 'gate' | 'people' | 'networks'>,
  { url, put, remove, change }: Switch,
): void {
  for (const [method, value, summary] of [
    ['PUT', true, put],
    ['DELETE', false, remove],
  ] as const) {
    app.route({
      method,
      url,
      onRequest: admitUser(gate),
      config: {
        errors: value ? ['bad_parameter', 'limit_reached', 'overloaded'] : ['bad_parameter', 'overloaded'],
      },
      schema: {
        summary,
        tags: ['me'],
        params: anyIdParams,
        response: { 204: z.undefined().describe('Done') },
      },
      handler: async (request, reply) => {
        const person = userOf(request);
        await demandWrite(gate, person);
        await change(person, await addressOf(people, networks, request.params.id), value);
        return reply.code(204).send();
      },
    });
  }
}

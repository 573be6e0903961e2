import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { BridgeError } from '../../../presence/errors.ts';
import { nothingFound, protocolAnswer } from '../../../protocols/matrix/appservice.ts';
import type { Documentation } from '../../http/documentation.ts';
import type { AppserviceApi, AppserviceContext } from '../context.ts';

interface ProtocolParams {
  Params: { protocol: string };
}

const protocolParams = z.object({ protocol: z.string() });

const ofProtocol: Documentation = {
  summary: 'What there is to look up on a third party network',
  tags: ['queries'],
  params: protocolParams,
  response: { 200: protocolAnswer.describe('Nothing') },
  errors: ['not_found'],
};

const byAddress = (kind: string): Documentation => ({
  summary: `Third party networks by Matrix ${kind}`,
  tags: ['queries'],
  response: { 200: nothingFound.describe('None') },
});

const onProtocol = (kind: string): Documentation => ({
  ...byAddress(kind),
  summary: `A ${kind} of a third party network`,
  params: protocolParams,
  errors: ['not_found'],
});

/** Matrix §application services: third party networks. There is nothing to look up: stand-ins are found by their id. */
export function thirdParty(
  app: FastifyInstance,
  { root, authenticate }: AppserviceApi,
  { protocols }: Pick<AppserviceContext, 'protocols'>,
): void {
  const demandProtocol = (name: string) => {
    if (!protocols.includes(name)) throw new BridgeError('not_found', 'No such protocol');
  };
  const options = (documentation: Documentation) => ({ onRequest: authenticate, config: { documentation } });

  app.get<ProtocolParams>(`${root}/thirdparty/protocol/:protocol`, options(ofProtocol), ({ params }) => {
    demandProtocol(params.protocol);
    // Homeservers drop one without `instances`.
    return { user_fields: [], location_fields: [], icon: '', field_types: {}, instances: [] };
  });
  for (const kind of ['user', 'location']) {
    app.get(`${root}/thirdparty/${kind}`, options(byAddress(kind)), () => []);
    app.get<ProtocolParams>(
      `${root}/thirdparty/${kind}/:protocol`,
      options(onProtocol(kind)),
      ({ params }) => {
        demandProtocol(params.protocol);
        return [];
      },
    );
  }
}

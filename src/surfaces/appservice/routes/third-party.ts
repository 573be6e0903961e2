import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../../presence/errors.ts';
import type { AppserviceApi, AppserviceContext } from '../context.ts';

interface ProtocolParams {
  Params: { protocol: string };
}

/** Matrix §application services: third party networks. There is nothing to look up: stand-ins are found by their id. */
export function thirdParty(
  app: FastifyInstance,
  { root, authenticate }: AppserviceApi,
  { protocols }: Pick<AppserviceContext, 'protocols'>,
): void {
  const demandProtocol = (name: string) => {
    if (!protocols.includes(name)) throw new BridgeError('not_found', 'No such protocol');
  };
  const options = { onRequest: authenticate };

  app.get<ProtocolParams>(`${root}/thirdparty/protocol/:protocol`, options, ({ params }) => {
    demandProtocol(params.protocol);
    // Homeservers drop one without `instances`.
    return { user_fields: [], location_fields: [], icon: '', field_types: {}, instances: [] };
  });
  for (const kind of ['user', 'location']) {
    app.get(`${root}/thirdparty/${kind}`, options, () => []);
    app.get<ProtocolParams>(`${root}/thirdparty/${kind}/:protocol`, options, ({ params }) => {
      demandProtocol(params.protocol);
      return [];
    });
  }
}

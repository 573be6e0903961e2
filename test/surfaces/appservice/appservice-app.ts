import type { FastifyBaseLogger } from 'fastify';
import { fakeNetwork, makeBridge, countingSecrets } from '../../helpers/bridge.ts';
import type { TestBridgeOptions } from '../../helpers/bridge.ts';
import { silentLogger } from '../../helpers/logger.ts';
import { matrixRefusal } from '../../../src/protocols/matrix/errors.ts';
import { matrixNetwork } from '../../../src/protocols/matrix/ids.ts';
import type { AppserviceContext } from '../../../src/surfaces/appservice/context.ts';
import { appserviceSurface } from '../../../src/surfaces/appservice/surface.ts';
import { createServer } from '../../../src/surfaces/http/server.ts';

export const HS_TOKEN = 'hs-token-of-the-test';
export const NETWORK = matrixNetwork({
  serverName: 'home.test',
  standInTemplate: '@_other_{id}:{server_name}',
});

export interface Call {
  /** Default: the right one, in the header. */
  readonly token?: string | null;
  /** Bytes or text as they are, anything else as JSON. */
  readonly body?: unknown;
}

/** The surface over a receiver that keeps what it is given. */
export async function makeApp(
  options: Partial<AppserviceContext> = {},
  bridge: Partial<TestBridgeOptions> = {},
  logger: FastifyBaseLogger = silentLogger,
) {
  const received: [txnId: string, body: unknown][] = [];
  const asked: string[] = [];
  const app = createServer({
    logger,
    bodyLimit: 1024,
    trustedProxies: [],
    refuse: (_url, error) => matrixRefusal(error),
  });
  await app.register(appserviceSurface, {
    gate: makeBridge({ networks: [fakeNetwork('other'), NETWORK], ...bridge }).gate,
    secrets: countingSecrets(),
    hsToken: HS_TOKEN,
    network: NETWORK,
    protocols: ['other'],
    receiver: { receive: (...transaction) => Promise.resolve(void received.push(transaction)) },
    provideStandIn: (userId) => {
      asked.push(userId);
      return Promise.resolve(userId === '@_other_7:home.test');
    },
    ...options,
  });

  async function call(method: string, url: string, { token = HS_TOKEN, body }: Call = {}) {
    const raw = typeof body === 'string' || Buffer.isBuffer(body);
    const { statusCode, headers, ...reply } = await app.inject({
      method: method as 'GET',
      url,
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      ...(body !== undefined && { payload: raw ? body : JSON.stringify(body) }),
    });
    return { status: statusCode, headers, body: reply.json() };
  }

  return { app, call, received, asked };
}

import type { FastifyBaseLogger } from 'fastify';
import type { Dialect } from '../../../src/presence/dialect.ts';
import type { NetworkName, Person, Profile } from '../../../src/presence/identity.ts';
import { idOn } from '../../../src/presence/network.ts';
import type { Mode } from '../../../src/presence/record.ts';
import type { StatusEdit } from '../../../src/presence/reduce.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { plexichatRefusal } from '../../../src/protocols/plexichat/errors.ts';
import { plexichatNetwork } from '../../../src/protocols/plexichat/ids.ts';
import type { DialectSetting } from '../../../src/protocols/plexichat/wire.ts';
import { createServer } from '../../../src/surfaces/http/server.ts';
import type { GatewaySettings } from '../../../src/surfaces/plexichat/gateway/settings.ts';
import { plexichatSurface } from '../../../src/surfaces/plexichat/surface.ts';
import type { TestBridgeOptions } from '../../helpers/bridge.ts';
import { countingSecrets, fakeNetwork, makeBridge } from '../../helpers/bridge.ts';
import { silentLogger } from '../../helpers/logger.ts';

export const ALICE = '382824975331102720';
export const BOB = '382824976274821120';
export const OTHER = fakeNetwork('other', 'derived');
export const ORIGIN = 'https://app.example.com';

export const GATEWAY: GatewaySettings = {
  maxIntents: 1_900_543,
  initialPresences: true,
  resumeWindowMs: 60_000,
  replayLimit: 100,
  outboxLimit: 1_048_576,
  connectionsPerPerson: 20,
};

/** A network that has a word for everything. */
const otherDialect: Dialect = {
  origin: 'other' as NetworkName,
  words: { online: 'on', chat: 'chat', idle: 'idle', dnd: 'dnd', offline: 'off', invisible: 'hidden' },
  see: (status) => ({ text: status?.text ?? null, emoji: status?.emoji ?? null }),
};

interface AppOptions extends Partial<TestBridgeOptions> {
  dialectSetting?: DialectSetting;
  serverTokens?: boolean;
  gateway?: Partial<GatewaySettings>;
  logger?: FastifyBaseLogger;
}

export interface Call {
  token?: string;
  /** A string or bytes as they are, anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** The surface over a bridge in memory, with two people whose accounts are here. */
export async function makeApp({
  dialectSetting = 'documented',
  serverTokens = false,
  gateway,
  logger = silentLogger,
  ...options
}: AppOptions = {}) {
  const bridge = makeBridge({ networks: [plexichatNetwork, OTHER], ...options });
  const metrics = new Metrics({ process: false });
  const app = createServer({
    logger,
    bodyLimit: 16_384,
    trustedProxies: [],
    refuse: (_url, error) => plexichatRefusal(error),
  });
  await app.register(plexichatSurface, {
    ...bridge,
    network: plexichatNetwork,
    dialectSetting,
    serverTokens,
    corsOrigins: [ORIGIN],
    secrets: countingSecrets(),
    node: 'node',
    sessionKey: 'key',
    metrics,
    graceMs: 30_000,
    gateway: { ...GATEWAY, ...gateway },
    version: '1.2.3',
  });

  /** A person with an account here and a live token. */
  async function user(id: string, profile: Partial<Profile> = {}) {
    const { person, token } = await bridge.person([{ network: plexichatNetwork.name, id }], profile);
    return { id, person, token: await token(plexichatNetwork) };
  }

  /** A person with an account on the other network only. */
  async function stranger(name: string) {
    const { person, token } = await bridge.person([{ network: OTHER.name, id: name }]);
    const id = idOn(person, plexichatNetwork);
    return { id, person, token: await token(plexichatNetwork) };
  }

  async function call(method: string, path: string, { token, body, headers = {} }: Call = {}) {
    const raw = typeof body === 'string' || Buffer.isBuffer(body);
    return app.inject({
      method: method as 'GET',
      url: `/api/v1${path}`,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && !raw && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { payload: raw ? body : JSON.stringify(body) }),
    });
  }

  /** A write of presence that must succeed. */
  async function put(token: string, body: object): Promise<unknown> {
    const reply = await call('PUT', '/users/@me/presence', { token, body });
    if (reply.statusCode !== 200) throw new Error(reply.body);
    return reply.json();
  }

  /** What the holder of a token is shown of somebody. */
  async function look(token: string, id: string): Promise<unknown> {
    const reply = await call('GET', `/users/${id}/presence`, { token });
    if (reply.statusCode !== 200) throw new Error(reply.body);
    return reply.json();
  }

  /** An explicit write on the other network. */
  async function elsewhere(of: { person: Person }, mode: Mode, status: StatusEdit = { kind: 'keep' }) {
    return bridge.presence.write(of.person.id, { dialect: otherDialect, mode, status });
  }

  const alice = await user(ALICE);
  const bob = await user(BOB);
  return { ...bridge, app, metrics, user, stranger, call, put, look, elsewhere, alice, bob };
}

export type PlexichatApp = Awaited<ReturnType<typeof makeApp>>;

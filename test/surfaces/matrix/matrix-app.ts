import type { FastifyBaseLogger, InjectOptions } from 'fastify';
import type { Dialect } from '../../../src/presence/dialect.ts';
import type { NetworkName, Person, Profile } from '../../../src/presence/identity.ts';
import type { Mode } from '../../../src/presence/record.ts';
import type { StatusEdit } from '../../../src/presence/reduce.ts';
import { matrixRefusal } from '../../../src/protocols/matrix/errors.ts';
import { matrixNetwork } from '../../../src/protocols/matrix/ids.ts';
import { createServer } from '../../../src/surfaces/http/server.ts';
import type { SyncLimits } from '../../../src/surfaces/matrix/context.ts';
import { matrixSurface } from '../../../src/surfaces/matrix/surface.ts';
import type { TestBridge, TestBridgeOptions } from '../../helpers/bridge.ts';
import { fakeNetwork, makeBridge } from '../../helpers/bridge.ts';
import { silentLogger } from '../../helpers/logger.ts';

export const OTHER = fakeNetwork('other');
export const NETWORK = matrixNetwork({
  serverName: 'bridge.test',
  standInTemplate: '@_bridge_{id}:{server_name}',
});
export const VERSIONS = ['api/v1', 'r0', 'v3', 'unstable'] as const;
export const BODY_LIMIT = 16_384;
export const GRACE_MS = 30_000;
export const SYNC_LIMITS: SyncLimits = {
  maxTimeoutMs: 60_000,
  includeOffline: false,
  streamTtlMs: 600_000,
  maxStreams: 100,
  waitersPerPerson: 20,
};

/** A network that has a word for everything. */
export const otherDialect: Dialect = {
  origin: 'other' as NetworkName,
  words: { online: 'on', chat: 'chat', idle: 'idle', dnd: 'dnd', offline: 'off', invisible: 'hidden' },
  see: (status) => ({ text: status?.text ?? null, emoji: status?.emoji ?? null }),
};

interface AppOptions extends Partial<TestBridgeOptions> {
  busy?: boolean;
  queryTokens?: boolean;
  sync?: Partial<SyncLimits>;
  logger?: FastifyBaseLogger;
  /** Of the application service that the bridge is. */
  asToken?: string;
  /** The bridge of before a restart: its store and its people go on. */
  before?: { store: TestBridge['store']; alice: TestUser; bob: TestUser };
}

/** Somebody with an account here and a live token. */
export interface TestUser {
  id: string;
  person: Person;
  token: string;
}

export interface Call extends Pick<InjectOptions, 'headers'> {
  token?: string;
  /** A string or bytes as they are, anything else as JSON. */
  body?: unknown;
}

/** The surface over a bridge in memory, with two people whose accounts are here. */
export async function makeApp({
  busy = false,
  queryTokens = true,
  sync = {},
  logger = silentLogger,
  asToken,
  before,
  ...options
}: AppOptions = {}) {
  const bridge = makeBridge({
    networks: [OTHER, NETWORK],
    ...(before && { store: before.store }),
    ...options,
  });
  const app = createServer({
    logger,
    bodyLimit: BODY_LIMIT,
    trustedProxies: [],
    refuse: (_url, error) => matrixRefusal(error),
  });
  await app.register(matrixSurface, {
    ...bridge,
    network: NETWORK,
    masquerade: asToken === undefined ? null : { tokenHash: asToken, hash: (text) => text },
    busy,
    queryTokens,
    graceMs: GRACE_MS,
    sync: { ...SYNC_LIMITS, ...sync },
  });

  /** A person with an account here, `@<name>:home.test`, and a live token. */
  async function user(name: string, profile: Partial<Profile> = {}): Promise<TestUser> {
    const id = `@${name}:home.test`;
    const { person, token } = await bridge.person([{ network: NETWORK.name, id }], profile);
    return { id, person, token: await token(NETWORK) };
  }

  /** A person with an account on the other network only. */
  async function stranger(name: string, profile: Partial<Profile> = {}) {
    const { person } = await bridge.person([{ network: OTHER.name, id: name }], profile);
    return { id: `@_bridge_${name}:bridge.test`, person };
  }

  async function call(method: string, path: string, { token, body, headers = {} }: Call = {}) {
    const raw = typeof body === 'string' || Buffer.isBuffer(body);
    return app.inject({
      method: method as 'GET',
      url: `/_matrix/client/${path}`,
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
      ...(body !== undefined && { payload: raw ? body : JSON.stringify(body) }),
    });
  }

  /** An explicit write on the other network. */
  async function elsewhere(of: { person: Person }, mode: Mode, status: StatusEdit = { kind: 'keep' }) {
    return bridge.presence.write(of.person.id, { dialect: otherDialect, mode, status });
  }

  return {
    ...bridge,
    app,
    user,
    stranger,
    call,
    elsewhere,
    alice: before?.alice ?? (await user('alice')),
    bob: before?.bob ?? (await user('bob')),
  };
}

export type MatrixApp = Awaited<ReturnType<typeof makeApp>>;

export function statusPath(id: string, version = 'v3'): string {
  return `${version}/presence/${id}/status`;
}

export function listPath(id: string, version = 'api/v1'): string {
  return `${version}/presence/list/${id}`;
}

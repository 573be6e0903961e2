import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { z } from 'zod';
import { duration } from './config/duration.ts';
import { bridgeSchema } from './config/schema.ts';
import { homeserverSection } from './connectors/matrix/config.ts';
import { serverSection } from './connectors/plexichat/config.ts';
import { composeCore } from './core.ts';
import type { FirstStart, Sample } from './first-start.ts';
import { firstStart } from './first-start.ts';
import { Metrics } from './metrics/metrics.ts';
import type { Clock } from './presence/clock.ts';
import type { Directory } from './presence/directory.ts';
import type { BridgeError } from './presence/errors.ts';
import type { NetworkName } from './presence/identity.ts';
import type { Network } from './presence/network.ts';
import type { PresenceStore } from './presence/store.ts';
import type { Secrets } from './presence/tokens.ts';
import { matrixRefusal } from './protocols/matrix/errors.ts';
import { MATRIX, matrixNetwork } from './protocols/matrix/ids.ts';
import { plexichatRefusal } from './protocols/plexichat/errors.ts';
import { PLEXICHAT, plexichatNetwork } from './protocols/plexichat/ids.ts';
import { bridgeRefusal } from './surfaces/bridge/errors.ts';
import { bridgeSurface } from './surfaces/bridge/surface.ts';
import type { Refusal } from './surfaces/http/server.ts';
import { createServer } from './surfaces/http/server.ts';
import type { BucketLimits } from './admission/token-buckets.ts';
import { matrixSection } from './surfaces/matrix/config.ts';
import type { SyncLimits } from './surfaces/matrix/context.ts';
import { matrixExamples } from './surfaces/matrix/examples.ts';
import { HEADERS, matrixSurface } from './surfaces/matrix/surface.ts';
import { plexichatSection } from './surfaces/plexichat/config.ts';
import { plexichatExamples } from './surfaces/plexichat/examples.ts';
import type { GatewaySettings } from './surfaces/plexichat/gateway/settings.ts';
import { plexichatSurface } from './surfaces/plexichat/surface.ts';
import { VERSION } from './version.ts';

export const settingsSchema = bridgeSchema({
  plexichat: plexichatSection(duration).extend({
    server: serverSection(duration)
      .prefault({})
      .describe('A Plexichat server that the bridge follows and feeds'),
  }),
  matrix: matrixSection('@_plexichat_{id}:{server_name}', duration).extend({
    homeserver: homeserverSection(duration)
      .prefault({})
      .describe('A homeserver that the bridge serves as an application service'),
  }),
});
export type Settings = z.output<typeof settingsSchema>;

export interface AppOptions {
  readonly settings: Settings;
  readonly store: PresenceStore & Directory;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly logger: FastifyBaseLogger;
  /** Whether the metrics tell of the process, too; which they do by default. */
  readonly processMetrics?: boolean;
}

export interface App {
  readonly http: FastifyInstance;
  /** Made by a first start; shown once. */
  readonly made: FirstStart['made'];
}

/** Puts the bridge together: the only file that knows both networks. The caller owns the store. */
export async function buildApp({
  settings,
  store,
  clock,
  secrets,
  logger,
  processMetrics = true,
}: AppOptions): Promise<App> {
  const metrics = new Metrics({ process: processMetrics });
  const networks = networksOf(settings);
  const core = composeCore({
    store,
    networks,
    clock,
    secrets,
    rules: {
      timing: {
        idleAfter: settings.presence.idle_after,
        claimTtl: settings.presence.claim_ttl,
        busyTtl: settings.presence.busy_ttl,
      },
      sticky: settings.translation.sticky,
      maxSessions: settings.limits.sessions,
    },
    visibility: settings.presence.visibility,
    maxContacts: settings.limits.contacts,
    writes: bucket(settings.limits.writes),
    failures: bucket(settings.limits.failed_auth),
    report: (problem, err) => logger.error({ err }, problem),
  });
  const http = createServer({
    logger,
    bodyLimit: settings.limits.body_bytes,
    trustedProxies: settings.listen.trusted_proxies,
    refuse,
  });
  http.addHook('onClose', (_http, done) => {
    core.audience[Symbol.dispose]();
    core.presence[Symbol.dispose]();
    done();
  });
  await core.presence.start();
  const { operatorTokenHash, made } = await firstStart({
    ...core,
    directory: store,
    networks,
    clock,
    secrets,
    visibility: settings.presence.visibility,
    operatorToken: settings.operator.token,
    samples: settings.samples ? samples(settings) : [],
  });

  await http.register(plexichatSurface, {
    ...core,
    clock,
    metrics,
    network: networks[0],
    dialectSetting: settings.plexichat.dialect,
    serverTokens: false,
    corsOrigins: settings.plexichat.cors_origins,
    secrets,
    graceMs: settings.presence.grace,
    gateway: gatewaySettings(settings),
    version: VERSION,
  });
  await http.register(matrixSurface, {
    ...core,
    clock,
    network: networks[1],
    masquerade: null,
    busy: settings.matrix.busy,
    queryTokens: settings.matrix.query_tokens,
    graceMs: settings.presence.grace,
    sync: syncLimits(settings),
  });
  await http.register(bridgeSurface, {
    ...core,
    clock,
    secrets,
    networks,
    defaultVisibility: settings.presence.visibility,
    operatorTokenHash,
    metrics,
    metricsPublic: settings.metrics.public,
    probe: () => store.meta('probe'),
    version: VERSION,
  });
  return { http, made };
}

/** Ready `curl` lines for a sample person's account. */
export const examples: Readonly<
  Record<NetworkName, (baseUrl: string, id: string, token: string) => string[]>
> = { [PLEXICHAT]: plexichatExamples, [MATRIX]: matrixExamples };

function networksOf({ matrix }: Settings): readonly [Network, Network] {
  const { server_name: serverName, stand_in_template: standInTemplate } = matrix;
  return [plexichatNetwork, matrixNetwork({ serverName, standInTemplate })];
}

function samples({ matrix }: Settings): Sample[] {
  return [
    { name: 'Alice', id: '175928847299117063' },
    { name: 'Bob', id: '175928847299117064' },
  ].map(({ name, id }) => ({
    displayName: name,
    accounts: [
      { network: PLEXICHAT, id },
      { network: MATRIX, id: `@${name.toLowerCase()}:${matrix.server_name}` },
    ],
  }));
}

function gatewaySettings({ plexichat: { gateway } }: Settings): GatewaySettings {
  return {
    maxIntents: gateway.max_intents,
    initialPresences: gateway.initial_presences,
    resumeWindowMs: gateway.resume_window,
    replayLimit: gateway.replay_limit,
    outboxLimit: gateway.outbox_limit,
    connectionsPerPerson: gateway.connections_per_person,
  };
}

function syncLimits({ matrix: { sync } }: Settings): SyncLimits {
  return {
    maxTimeoutMs: sync.max_timeout,
    includeOffline: sync.include_offline,
    streamTtlMs: sync.stream_ttl,
    maxStreams: sync.max_streams,
    waitersPerPerson: sync.waiters_per_person,
  };
}

function bucket({ burst, per_second }: Settings['limits']['writes']): BucketLimits {
  return { burst, perSecond: per_second };
}

/** The answer to a request that no surface takes, in the form of the one it was meant for. */
function refuse(url: string, error: BridgeError): Refusal {
  if (url.startsWith('/_matrix')) {
    const { status, headers, body } = matrixRefusal(error);
    return { status, headers: { ...headers, ...HEADERS }, body };
  }
  return url.startsWith('/api') ? plexichatRefusal(error) : bridgeRefusal(error);
}

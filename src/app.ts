import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { z } from 'zod';
import { duration } from './config/duration.ts';
import { bridgeSchema } from './config/schema.ts';
import type { ConnectedCore, Surroundings } from './connectors/core.ts';
import type { Check, RunningBridge } from './connectors/check.ts';
import { clockCheck } from './connectors/clock-check.ts';
import { homeserverSection } from './connectors/matrix/config.ts';
import { openHomeserverDoctor } from './connectors/matrix/open-doctor.ts';
import { openHomeserver } from './connectors/matrix/open.ts';
import { connectorMetrics } from './connectors/metrics.ts';
import { serverSection } from './connectors/plexichat/config.ts';
import { OnDuty } from './connectors/on-duty.ts';
import { openServerDoctor } from './connectors/plexichat/open-doctor.ts';
import { openServer } from './connectors/plexichat/open.ts';
import { composeCore } from './core.ts';
import type { FirstStart, Sample } from './first-start.ts';
import { firstStart } from './first-start.ts';
import { Metrics } from './metrics/metrics.ts';
import type { Clock } from './presence/clock.ts';
import type { Cluster } from './presence/cluster.ts';
import { alone } from './presence/cluster.ts';
import type { Directory } from './presence/directory.ts';
import type { BridgeError } from './presence/errors.ts';
import type { NetworkName } from './presence/identity.ts';
import type { Network } from './presence/network.ts';
import type { Report } from './presence/service.ts';
import type { PresenceStore } from './presence/store.ts';
import type { Secrets } from './presence/tokens.ts';
import { MODERN, MODERN_WITH_BUSY, V1 } from './protocols/matrix/dialect.ts';
import { matrixRefusal } from './protocols/matrix/errors.ts';
import { MATRIX, matrixNetwork } from './protocols/matrix/ids.ts';
import { plexichatDialect } from './protocols/plexichat/codec.ts';
import { plexichatRefusal } from './protocols/plexichat/errors.ts';
import { PLEXICHAT, plexichatNetwork } from './protocols/plexichat/ids.ts';
import { appserviceSurface } from './surfaces/appservice/surface.ts';
import type { SurfaceWords } from './surfaces/bridge/context.ts';
import { bridgeRefusal } from './surfaces/bridge/errors.ts';
import { bridgeSurface } from './surfaces/bridge/surface.ts';
import type { ApiDocument } from './surfaces/http/documentation.ts';
import type { Refusal } from './surfaces/http/refusal.ts';
import { createServer } from './surfaces/http/server.ts';
import type { Buckets, BucketLimits } from './admission/token-buckets.ts';
import { TokenBuckets } from './admission/token-buckets.ts';
import { matrixSection, syncLimits } from './surfaces/matrix/config.ts';
import { matrixExamples } from './surfaces/matrix/examples.ts';
import { HEADERS, matrixSurface } from './surfaces/matrix/surface.ts';
import { gatewaySettings, plexichatSection } from './surfaces/plexichat/config.ts';
import { plexichatExamples } from './surfaces/plexichat/examples.ts';
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

/** The names of the networks. */
export const NETWORKS: readonly NetworkName[] = [PLEXICHAT, MATRIX];

export interface AppOptions {
  readonly settings: Settings;
  readonly store: PresenceStore & Directory;
  /** The other nodes over the store; none by default. */
  readonly cluster?: Cluster;
  /** Where rate limits of that name are kept; on this node by default. */
  readonly buckets?: (name: string, limits: BucketLimits) => Buckets;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly logger: FastifyBaseLogger;
  /** Where what it does is told; by default in metrics of its own, without those of the process. */
  readonly metrics?: Metrics;
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
  cluster = alone(secrets.random(9)),
  buckets = (_name, limits) => new TokenBuckets(limits, clock),
  metrics = new Metrics({ process: false }),
}: AppOptions): Promise<App> {
  const networks = networksOf(settings);
  const report: Report = (problem, err) => logger.error({ err }, problem);
  const around = { clock, secrets, random: Math.random, logger, report, version: VERSION };
  const servers = openServers(settings, around, metrics);
  const core = composeCore({
    store,
    cluster,
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
    writes: buckets('writes', limitsOf(settings.limits.writes)),
    failures: buckets('failed-auth', limitsOf(settings.limits.failed_auth)),
    report,
    upstreams: servers.upstreams,
  });
  const http = createServer({
    logger,
    bodyLimit: settings.limits.body_bytes,
    trustedProxies: settings.listen.trusted_proxies,
    requestTimeoutMs: settings.listen.request_timeout,
    refuse,
  });
  const connected = servers.connect({ ...core, directory: store }, networks);
  const duties = connected.connectors.map((connector) => new OnDuty(connector, cluster));
  http.addHook('onListen', (done) => {
    for (const duty of duties) duty.begin();
    done();
  });
  http.addHook('onClose', async () => {
    await connected.close();
    await Promise.all(duties.map((duty) => duty[Symbol.asyncDispose]()));
    core.audience[Symbol.dispose]();
    core.presence[Symbol.dispose]();
  });
  await core.start();
  const { operatorTokenHash, sessionKey, made } = await firstStart({
    ...core,
    directory: store,
    networks,
    clock,
    secrets,
    visibility: settings.presence.visibility,
    operatorToken: settings.operator.token,
    samples: settings.samples ? samples(settings) : [],
  });

  const documents = new Map<string, ApiDocument>();
  const publication = (name: string) => ({
    version: VERSION,
    publish: (document: ApiDocument) => void documents.set(name, document),
  });
  await http.register(plexichatSurface, {
    ...core,
    clock,
    metrics,
    network: networks[0],
    dialectSetting: settings.plexichat.dialect,
    serverTokens: settings.plexichat.server.url !== undefined && settings.plexichat.server.verify_tokens,
    corsOrigins: settings.plexichat.cors_origins,
    secrets,
    node: cluster.node,
    sessionKey,
    graceMs: settings.presence.grace,
    gateway: gatewaySettings(settings.plexichat.gateway),
    version: VERSION,
    publication: publication(PLEXICHAT),
  });
  await http.register(matrixSurface, {
    ...core,
    publication: publication(MATRIX),
    clock,
    network: networks[1],
    masquerade: connected.masquerade,
    busy: settings.matrix.busy,
    queryTokens: settings.matrix.query_tokens,
    graceMs: settings.presence.grace,
    sync: syncLimits(settings.matrix.sync),
  });
  if (connected.appservice) {
    await http.register(appserviceSurface, {
      ...core,
      ...connected.appservice,
      publication: publication('appservice'),
      secrets,
      network: networks[1],
      protocols: [networks[0].name],
    });
  }
  await http.register(bridgeSurface, {
    ...core,
    clock,
    secrets,
    networks,
    directory: store,
    audit: store.audit,
    relations: store.relations,
    surfaces: surfaceWords(settings),
    defaultVisibility: settings.presence.visibility,
    operatorTokenHash,
    serverTokens: connected.serverTokens,
    servers: () => duties.map((duty) => duty.health()),
    metrics,
    metricsPublic: settings.metrics.public,
    probe: () => store.meta('probe'),
    version: VERSION,
    documents,
  });
  return { http, made };
}

export interface DoctorOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  /** A bridge of the same settings; null when none runs. */
  readonly bridge: RunningBridge | null;
  /** Whether checks may do what others see. */
  readonly deep: boolean;
}

/** What can be wrong between the bridge and the real servers of the settings; to be closed afterwards. */
export function openDoctor({ settings, clock, bridge, deep }: DoctorOptions) {
  const { server } = settings.plexichat;
  const { homeserver, server_name: serverName, stand_in_template: standInTemplate } = settings.matrix;
  const common = { clock, version: VERSION };
  const right =
    homeserver.url === undefined
      ? null
      : openHomeserverDoctor({
          ...common,
          settings: { ...homeserver, url: homeserver.url },
          serverName,
          standInTemplate,
          bridge,
        });
  const left =
    server.url === undefined
      ? null
      : openServerDoctor({
          ...common,
          settings: { ...server, url: server.url },
          random: Math.random,
          deep,
        });
  const sides = [right, left].filter((side) => side !== null);
  const checks: readonly Check[] = [clockCheck(sides), ...sides.flatMap((side) => side.checks)];
  return { checks, close: () => Promise.all(sides.map((side) => side.close())) };
}

/** Ready `curl` lines for a sample person's account. */
export const examples: Readonly<
  Record<NetworkName, (baseUrl: string, id: string, token: string) => string[]>
> = { [PLEXICHAT]: plexichatExamples, [MATRIX]: matrixExamples };

/** The real servers of the settings; `connect` puts their connectors together once the core stands. */
function openServers({ matrix, plexichat }: Settings, around: Surroundings, metrics: Metrics) {
  const metricsOf = connectorMetrics(metrics);
  const { server } = plexichat;
  const { homeserver } = matrix;
  const left =
    server.url === undefined
      ? null
      : openServer({ ...around, settings: { ...server, url: server.url }, metrics: metricsOf(PLEXICHAT) });
  const right =
    homeserver.url === undefined
      ? null
      : openHomeserver({
          ...around,
          settings: { ...homeserver, url: homeserver.url },
          serverName: matrix.server_name,
          standInTemplate: matrix.stand_in_template,
          metrics: metricsOf(MATRIX),
        });

  function connect(core: ConnectedCore, [plexichatHere, matrixHere]: readonly [Network, Network]) {
    const plexichat = left?.connect(core, plexichatHere) ?? null;
    const fetchAvatar = (url: string) => left?.fetchAvatar(url) ?? Promise.resolve(null);
    const matrix = right?.connect(core, matrixHere, fetchAvatar) ?? null;
    const connectors = [plexichat?.connector, matrix?.connector].filter((each) => each != null);
    return {
      connectors,
      serverTokens: new Map(plexichat && server.push ? [[PLEXICHAT, plexichat.serverTokens]] : []),
      appservice: right &&
        matrix && {
          hsToken: right.registration.hsToken,
          receiver: matrix.receiver,
          provideStandIn: matrix.provideStandIn,
        },
      masquerade: right && {
        tokenHash: around.secrets.hash(right.registration.asToken),
        hash: (text: string) => around.secrets.hash(text),
      },
      close: async () => {
        await right?.close();
        await left?.close();
      },
    };
  }

  return { upstreams: [left?.upstream, right?.upstream].filter((each) => each != null), connect };
}

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

/** How each of the networks' APIs speaks to others. */
function surfaceWords({ matrix }: Settings): SurfaceWords[] {
  return [
    { surface: PLEXICHAT, dialect: plexichatDialect },
    { surface: `${MATRIX} v1`, dialect: V1 },
    { surface: `${MATRIX} r0, v3, sync`, dialect: matrix.busy ? MODERN_WITH_BUSY : MODERN },
  ];
}

function limitsOf({ burst, per_second }: Settings['limits']['writes']): BucketLimits {
  return { burst, perSecond: per_second };
}

/** What Matrix clients and homeservers ask for, the latter also at the root (Matrix §application services: legacy routes). */
const HOMESERVER_PATHS = /^\/(?:_matrix|transactions\/|users\/|rooms\/)/;

/** The answer to a request that no surface takes, in the form of the one it was meant for. */
function refuse(url: string, error: BridgeError): Refusal {
  if (HOMESERVER_PATHS.test(url)) {
    const { status, headers, body } = matrixRefusal(error);
    return { status, headers: { ...headers, ...HEADERS }, body };
  }
  return url.startsWith('/api') ? plexichatRefusal(error) : bridgeRefusal(error);
}

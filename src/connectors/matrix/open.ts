import type { z } from 'zod';
import type { Upstream } from '../../admission/upstream-tokens.ts';
import type { Network } from '../../presence/network.ts';
import { MODERN } from '../../protocols/matrix/dialect.ts';
import type { ConnectedCore, Surroundings } from '../core.ts';
import { leaseEnd } from '../leases.ts';
import { Lives } from '../lives.ts';
import { notHere } from '../on-duty.ts';
import type { ConnectorMetrics } from '../metrics.ts';
import { Outbound } from '../outbound.ts';
import { shareability } from '../shareable.ts';
import type { homeserverSection } from './config.ts';
import type { MatrixConnector } from './connector.ts';
import { HomeserverLife } from './life.ts';
import type { MatrixConnectorSettings } from './options.ts';
import { HOMESERVER } from './parts.ts';
import { Receiver } from './receiver.ts';
import { userIdOf } from './registration.ts';
import { readRegistration } from './registration-file.ts';
import { Reporting } from './reporting.ts';
import type { StandInsOptions } from './stand-ins.ts';
import { HomeserverVouching } from './vouching.ts';

type HomeserverSettings = z.output<ReturnType<typeof homeserverSection>>;

export interface OpenHomeserverOptions extends Surroundings {
  readonly settings: HomeserverSettings & { readonly url: string };
  readonly serverName: string;
  readonly standInTemplate: string;
  readonly metrics: ConnectorMetrics;
}

const LIMITS = { maxBodyBytes: 10 * 1024 * 1024, connections: 32 };

/** Reads the registration, and makes ready to connect. Throws `RegistrationError`. */
export function openHomeserver(options: OpenHomeserverOptions) {
  const { settings, serverName, standInTemplate, clock, metrics, version } = options;
  const terms = { serverName, standInTemplate, room: settings.room, homeserverUrl: settings.url };
  const registration = readRegistration(settings.registration, terms);
  const outbound = new Outbound({
    ...LIMITS,
    baseUrl: settings.url,
    timeoutMs: settings.timeout,
    userAgent: `plexibridge/${version}`,
    observe: (outcome) => metrics.request(outcome),
  });
  let lives: Lives<HomeserverLife> | null = null;
  const connector = () => lives?.current?.connector ?? null;
  const vouching = new HomeserverVouching({
    outbound,
    clock,
    believedMs: settings.token_cache,
    verified: (userId, token) => connector()?.mirror.verified(userId, token),
  });

  /** Puts everything together, once. The connector begins with `start`, ends when it is disposed, and may begin anew then. */
  function connect(core: ConnectedCore, network: Network, fetchAvatar: StandInsOptions['fetchAvatar']) {
    const { people, presence, directory, newcomers } = core;
    const reporting = new Reporting({
      ...options,
      network,
      senderId: userIdOf(registration.senderLocalpart, terms),
      dialect: () => connector()?.dialect ?? MODERN,
      remoteUsers: settings.remote_users,
      people,
      presence,
      newcomers: {
        find: (account) => newcomers.find(account, () => ({ displayName: null, avatarUrl: null })),
      },
      mirror: {
        echoes: (...words) => connector()?.mirror.echoes(...words) ?? false,
        echoesEnd: (userId) => connector()?.mirror.echoesEnd(userId) ?? false,
      },
      leases: { endsAt: () => leaseEnd(clock.now(), settings.unknown_after) },
    });
    const make = () =>
      new HomeserverLife({
        ...options,
        settings: connectorSettings(settings),
        outbound,
        registration,
        network,
        people: { byId: (id) => directory.people.byId(id), byAddress: (address) => people.find(address) },
        page: (after, limit) => people.page(after, limit),
        presence,
        shareable: shareability(directory),
        directory,
        deliveries: core.deliveries,
        fetchAvatar,
        reporting,
        readsPerSecond: settings.reads_per_second,
      });
    const made = new Lives({ name: HOMESERVER, clock, metrics, make });
    lives = made;
    core.onPeopleChanged((changed) => connector()?.recheck(changed));
    const receiver = new Receiver({
      ...options,
      receive: settings.receive,
      reporting,
      catchUp: {
        heard: (userId) => made.current?.catchUp.heard(userId),
        carriedOut: (transaction) => made.current?.catchUp.carriedOut(transaction),
        again: () => made.current?.catchUp.again(),
      },
      directory,
      onReceived: (transaction) => connector()?.received(transaction),
    });
    /** Throws `upstream_unavailable` while another node has the connector. */
    function demandHere(): MatrixConnector {
      const current = connector();
      if (!current) throw notHere('upstream_unavailable');
      return current;
    }
    return {
      connector: made,
      /** As in `Receiver`, where the connector is. */
      receiver: {
        receive: async (txnId: string, body: unknown) => {
          demandHere();
          await receiver.receive(txnId, body);
        },
      },
      /** As in `MatrixConnector`, where that is. */
      provideStandIn: async (userId: string) => demandHere().provideStandIn(userId),
    };
  }

  const upstream: Upstream | null = settings.verify_tokens ? vouching : null;
  /** First what is under way, or a homeserver that does not answer would hold up the end. */
  async function close(): Promise<void> {
    await outbound[Symbol.asyncDispose]();
    await lives?.[Symbol.asyncDispose]();
  }

  return { registration, upstream, connect, close };
}

function connectorSettings(settings: HomeserverSettings): MatrixConnectorSettings {
  return {
    receive: settings.receive,
    push: settings.push,
    mirror: settings.mirror,
    room: settings.room,
    keepAliveMs: settings.keep_alive,
    putsPerSecond: settings.puts_per_second,
    unknownAfterMs: settings.unknown_after,
  };
}

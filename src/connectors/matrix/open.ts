import type { z } from 'zod';
import type { Upstream } from '../../admission/upstream-tokens.ts';
import type { PersonId } from '../../presence/identity.ts';
import type { Network } from '../../presence/network.ts';
import type { People } from '../../presence/people.ts';
import type { ConnectedCore, Surroundings } from '../core.ts';
import type { ConnectorMetrics } from '../metrics.ts';
import { Outbound } from '../outbound.ts';
import { shareability } from '../shareable.ts';
import { audible } from './audible.ts';
import { CatchUp } from './catch-up.ts';
import type { homeserverSection } from './config.ts';
import { MatrixConnector } from './connector.ts';
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
  let connector: MatrixConnector | null = null;
  const ending: AsyncDisposable[] = [];
  const vouching = new HomeserverVouching({
    outbound,
    clock,
    believedMs: settings.token_cache,
    verified: (userId, token) => connector?.mirror.verified(userId, token),
  });

  /** Puts the connector together; it begins with `start` and ends with `close`. */
  function connect(core: ConnectedCore, network: Network, fetchAvatar: StandInsOptions['fetchAvatar']) {
    const { people, presence, directory, newcomers } = core;
    const made = new MatrixConnector({
      ...options,
      settings: {
        receive: settings.receive,
        push: settings.push,
        mirror: settings.mirror,
        room: settings.room,
        keepAliveMs: settings.keep_alive,
        putsPerSecond: settings.puts_per_second,
        unknownAfterMs: settings.unknown_after,
      },
      outbound,
      registration,
      network,
      people: { byId: (id) => directory.people.byId(id), byAddress: (address) => people.find(address) },
      presence,
      shareable: shareability(directory),
      directory,
      fetchAvatar,
    });
    connector = made;
    core.onPeopleChanged((changed) => made.recheck(changed));
    const reporting = new Reporting({
      ...options,
      network,
      senderId: userIdOf(registration.senderLocalpart, terms),
      dialect: () => made.dialect,
      remoteUsers: settings.remote_users,
      people,
      presence,
      newcomers: {
        find: (account) => newcomers.find(account, () => ({ displayName: null, avatarUrl: null })),
      },
      mirror: made.mirror,
      leases: made.leases,
    });
    const byId = (id: PersonId) => directory.people.byId(id);
    const page: People['page'] = (after, limit) => people.page(after, limit);
    const catchUp = new CatchUp({
      ...options,
      homeserver: made.homeserver,
      users: () => audible({ network, presence, people: { byId, page }, room: made.room, reporting }),
      reporting,
      readsPerSecond: settings.reads_per_second,
      onTrouble: () => made.look(),
    });
    if (settings.receive) made.onSide((up) => (up ? catchUp.begin() : catchUp.end()));
    const receiver = new Receiver({
      ...options,
      receive: settings.receive,
      reporting,
      catchUp,
      directory,
      onReceived: (transaction) => made.received(transaction),
    });
    ending.push(catchUp, made);
    return { connector: made, receiver };
  }

  const upstream: Upstream | null = settings.verify_tokens ? vouching : null;
  /** First what is under way, or a homeserver that does not answer would hold up the end. */
  async function close(): Promise<void> {
    await outbound[Symbol.asyncDispose]();
    for (const each of ending) await each[Symbol.asyncDispose]();
  }

  return { registration, upstream, connect, close };
}

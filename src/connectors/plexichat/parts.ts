import type { Clock } from '../../presence/clock.ts';
import { Backoff } from '../backoff.ts';
import { Budget } from '../budget.ts';
import { Leases } from '../leases.ts';
import { Side } from '../side.ts';
import { Echoes } from './echoes.ts';
import { faultKind } from './fault-kinds.ts';
import { Intake } from './intake.ts';
import type { PlexichatConnectorOptions } from './options.ts';
import { Probe } from './probe.ts';
import { Pusher } from './pusher.ts';
import { Receiver } from './receiver.ts';
import { Reconcile } from './reconcile.ts';
import type { PlexichatSettings } from './settings.ts';
import { Settling } from './settling.ts';

/** As operators know it. */
export const SERVER = 'Plexichat server';
const BACKOFF = { firstMs: 1000, maxMs: 300_000 };
/** Of all requests, how many the reconciliation may use, so that writes and sign-ins never wait for it. */
const RECONCILE_SHARE = 0.5;
/** Writes under way at once. */
const CONCURRENCY = 4;

/** What the connector consists of, but for the gateway; who made them ends them. */
export interface PlexichatParts {
  readonly side: Side;
  readonly leases: Leases;
  /** Of the reconciliation. */
  readonly budget: Budget;
  readonly receiver: Receiver;
  /** Null where nothing is to be written. */
  readonly pusher: Pusher | null;
  /** Null where the server is not followed. */
  readonly reconcile: Reconcile | null;
  /** Only where it is not: there nothing else tells how the server is. */
  readonly probe: Probe | null;
}

/** The token by which the server is followed; null where it is not. */
export function ownToken({ receive, token }: PlexichatSettings): string | null {
  return receive ? (token ?? null) : null;
}

/** Puts them together; none of them does anything before it is told to. */
export function makeParts(options: PlexichatConnectorOptions): PlexichatParts {
  const { settings, server, presence, network, clock, random, logger, report } = options;
  const side = new Side({ name: SERVER, clock, logger });
  const leases = new Leases({
    presence,
    network: network.name,
    side,
    clock,
    believedMs: settings.unknown_after,
    report,
  });
  const echoes = new Echoes(clock);
  const intake = new Intake({ presence, network: network.name, leases, clock, receive: settings.receive });
  const budget = reconcileBudget(settings, clock);
  const token = ownToken(settings);
  const backoff = new Backoff({ ...BACKOFF, random });
  const receiver = makeReceiver(options, intake, echoes, () => parts);
  const parts: PlexichatParts = {
    side,
    leases,
    budget,
    receiver,
    pusher: settings.push ? makePusher(options, receiver, echoes, () => parts) : null,
    reconcile: token === null ? null : makeReconcile(options, token, receiver, budget, () => parts),
    probe: token === null ? new Probe({ ask: () => server.version(), side, clock, backoff }) : null,
  };
  return parts;
}

function makeReceiver(
  options: PlexichatConnectorOptions,
  intake: Intake,
  echoes: Echoes,
  parts: () => PlexichatParts,
): Receiver {
  const { settings, server, people, newcomers, network, clock, logger, metrics } = options;
  return new Receiver({
    people,
    newcomers,
    network,
    intake,
    echoes,
    clock,
    profileOf: async (userId) => {
      const { username, avatarUrl } = await server.user(settings.token ?? '', userId);
      return { displayName: username, avatarUrl };
    },
    said: (person, mode) => parts().pusher?.said(person, mode),
    doubted: (person, userId) => {
      const { pusher, reconcile } = parts();
      if (pusher?.holds(person)) pusher.check(person);
      else reconcile?.read(userId);
    },
    log: logger,
    metrics,
  });
}

function makePusher(
  options: PlexichatConnectorOptions,
  receiver: Receiver,
  echoes: Echoes,
  parts: () => PlexichatParts,
): Pusher {
  const { server, tokens, presence, people, network, shareable, clock, random, logger, metrics, report } =
    options;
  const settling = new Settling({
    server,
    presence,
    people,
    tokens,
    network: network.name,
    shareable,
    receiver,
    echoes,
    delivered: (person, said) => options.deliveries.note(person, { to: SERVER, kind: 'server', said }),
    clock,
  });
  return new Pusher({
    presence,
    tokens,
    settling,
    clock,
    // Each request of a write waits for its own turn.
    budget: { turn: () => Promise.resolve() },
    backoff: () => new Backoff({ ...BACKOFF, random }),
    concurrency: CONCURRENCY,
    failed: (error) => failed(options, parts(), error),
    report,
    log: logger,
    metrics,
  });
}

function makeReconcile(
  options: PlexichatConnectorOptions,
  token: string,
  receiver: Receiver,
  budget: Budget,
  parts: () => PlexichatParts,
): Reconcile {
  const { settings, server, presence, people, network, clock, random, logger, report } = options;
  return new Reconcile({
    source: {
      relationships: (signal) => server.relationships(token, { signal }),
      members: (guildId, signal) => server.members(token, guildId, { signal }),
      presence: (userId, signal) => server.presence(token, userId, { signal }),
    },
    receiver,
    presence,
    people,
    network: network.name,
    clock,
    budget,
    backoff: new Backoff({ ...BACKOFF, random }),
    everyMs: settings.reconcile_every,
    holds: (person) => parts().pusher?.holds(person) ?? false,
    check: (person) => parts().pusher?.check(person),
    failed: (error) => {
      failed(options, parts(), error);
      if (faultKind(error) === null) report('people could not be asked for anew', error);
    },
    log: logger,
  });
}

/** A request failed; where a gateway tells how the server is, that is no news of it. */
function failed({ logger }: PlexichatConnectorOptions, { probe }: PlexichatParts, error: unknown): void {
  const kind = faultKind(error);
  logger.debug({ kind }, 'a request to the server failed');
  probe?.failed(kind);
}

function reconcileBudget({ requests_per_minute, requests_per_day }: PlexichatSettings, clock: Clock): Budget {
  const share = (limit: number) => Math.max(1, Math.floor(limit * RECONCILE_SHARE));
  const windows = [
    { limit: share(requests_per_minute), windowMs: 60_000 },
    { limit: share(requests_per_day), windowMs: 86_400_000 },
  ];
  return new Budget({ windows, maxWaiting: 1, clock });
}

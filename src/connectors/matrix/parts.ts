import type { PersonId } from '../../presence/identity.ts';
import type { MatrixDialect } from '../../protocols/matrix/dialect.ts';
import { Budget } from '../budget.ts';
import { Leases } from '../leases.ts';
import { Side } from '../side.ts';
import { BusyNotes } from './busy-notes.ts';
import { Callback } from './callback.ts';
import { DeliveryWatch } from './delivery-watch.ts';
import type { Capabilities } from './homeserver.ts';
import { Homeserver } from './homeserver.ts';
import { Mirror } from './mirror.ts';
import type { MatrixConnectorOptions, MatrixConnectorSettings } from './options.ts';
import { PresencePush } from './presence-push.ts';
import type { WriterContext } from './presence-writer.ts';
import { Probe } from './probe.ts';
import { Room } from './room.ts';
import { StandIns } from './stand-ins.ts';

/** As operators know it. */
export const HOMESERVER = 'homeserver';

/** The most writes of one writer that wait for the budget. */
const MAX_WAITING = 64;
/** Stand-ins whose name and picture are remembered, and tokens of people who are mirrored. */
const REMEMBERED = 50_000;

const FLAPPING =
  'stand-ins will flap: more of them are online than puts_per_second allows to keep alive within keep_alive';

/** What the connector consists of; who made them ends them. */
export interface MatrixParts {
  readonly homeserver: Homeserver;
  readonly side: Side;
  readonly leases: Leases;
  /** Of all writes. */
  readonly budget: Budget;
  readonly probe: Probe;
  readonly watch: DeliveryWatch;
  readonly callback: Callback;
  /** Null where the stand-ins are in no room. */
  readonly room: Room | null;
  readonly standIns: StandIns;
  /** Null where the settings do not want it; so is the mirror. */
  readonly push: PresencePush | null;
  readonly mirror: Mirror | null;
}

/** What the parts need of the whole. */
export interface MatrixWhole {
  /** As the homeserver speaks now. */
  readonly dialect: () => MatrixDialect;
  /** Told of each good answer to a look, before the side is up. */
  readonly answered: (capabilities: Capabilities) => void;
}

/** Puts them together; none of them does anything before it is told to. */
export function makeParts(options: MatrixConnectorOptions, whole: MatrixWhole): MatrixParts {
  const { settings, registration, clock, network, presence, logger, random, report } = options;
  const homeserver = new Homeserver({ ...options, asToken: registration.asToken });
  const side = new Side({ name: HOMESERVER, clock, logger });
  const probe = new Probe({
    homeserver,
    side,
    senderId: `@${registration.senderLocalpart}:${options.serverName}`,
    clock,
    random,
    onAnswer: whole.answered,
    report,
  });
  const room = makeRoom(options, homeserver);
  const common = {
    homeserver,
    side,
    leases: new Leases({
      presence,
      network: network.name,
      side,
      clock,
      believedMs: settings.unknownAfterMs,
      report,
    }),
    budget: new Budget({ windows: [windowOf(settings.putsPerSecond)], maxWaiting: MAX_WAITING, clock }),
    probe,
    watch: new DeliveryWatch({ clock, logger }),
    callback: new Callback({ ...options, homeserver, registrationId: registration.id }),
    room,
    standIns: new StandIns({ ...options, homeserver, room, remembered: REMEMBERED }),
  };
  const writers = makeWriters(options, whole, common);
  return { ...common, ...writers };
}

/** Changes that wait to be written. */
export function backlogOf({ push, mirror }: Pick<MatrixParts, 'push' | 'mirror'>): number {
  return (push?.backlog ?? 0) + (mirror?.backlog ?? 0);
}

/** What an operator should know although the homeserver is up. */
export function warningsOf(
  { push, standIns: { problem }, watch, callback }: MatrixParts,
  { putsPerSecond, keepAliveMs }: MatrixConnectorSettings,
): string[] {
  const demand = (push?.size ?? 0) / (keepAliveMs / 1000);
  return [
    watch.warning,
    callback.warning,
    problem === null ? null : `stand-ins cannot be set up: ${problem}`,
    demand > putsPerSecond ? FLAPPING : null,
  ].filter((warning) => warning !== null);
}

function makeWriters(
  options: MatrixConnectorOptions,
  { dialect }: MatrixWhole,
  { homeserver, standIns, probe, budget, watch }: Omit<MatrixParts, 'push' | 'mirror'>,
): Pick<MatrixParts, 'push' | 'mirror'> {
  const { settings, directory, metrics } = options;
  const context: WriterContext = {
    ...options,
    budget,
    keepAliveMs: settings.keepAliveMs,
    onBacklog: () => metrics.backlog(backlogOf(writers)),
    onTrouble: () => probe.soon(),
  };
  const busy = new BusyNotes(directory);
  const onWritten = (changed: boolean) => {
    if (changed && settings.receive) watch.written();
  };
  const delivered = (person: PersonId, said: string) =>
    options.deliveries.note(person, { to: HOMESERVER, kind: 'server', said });
  const common = { ...options, ...context, dialect, delivered };
  const writers = {
    push: settings.push ? new PresencePush({ ...common, standIns, busy, onWritten }) : null,
    mirror: settings.mirror ? new Mirror({ ...common, homeserver, maxTokens: REMEMBERED }) : null,
  };
  return writers;
}

function makeRoom(options: MatrixConnectorOptions, homeserver: Homeserver): Room | null {
  const { settings, serverName, registration, clock } = options;
  if (settings.room === undefined) return null;
  const { senderLocalpart } = registration;
  return new Room({ homeserver, room: settings.room, serverName, senderLocalpart, clock });
}

function windowOf(perSecond: number) {
  const limit = Math.max(1, Math.floor(perSecond));
  return { limit, windowMs: (limit / perSecond) * 1000 };
}

import { homeserverSide } from './faults/homeserver-side.ts';
import { serverSide } from './faults/server-side.ts';
import type { WireFault } from './faults/faulty-wire.ts';
import { answering } from './faults/faulty-wire.ts';
import type { FaultSide } from './faults/side.ts';

export const FAULTS = [
  'refused',
  'reset',
  'slow',
  'half-open',
  '429',
  '500',
  'garbage',
  'wrong token',
  'server restart',
  'clock ahead',
  'clock behind',
] as const;
export type FaultName = (typeof FAULTS)[number];

/** What is connected: requests and WebSockets of one connector fail apart, since each has connections of its own. */
export const COLUMNS = {
  homeserver: { network: 'matrix', name: 'homeserver' },
  gateway: { network: 'plexichat', name: 'Plexichat server' },
  'requests beside the gateway': { network: 'plexichat', name: 'Plexichat server' },
  'requests without a gateway': { network: 'plexichat', name: 'Plexichat server' },
} as const;
export type Column = keyof typeof COLUMNS;

export interface Seen {
  readonly state: 'up' | 'down' | 'refused';
  /** Why, in a few words; absent when it is up. */
  readonly reason?: string;
  /** Levels and first words of what is in the log, oldest first. */
  readonly log: readonly string[];
  /** `plexibridge_connector_…` that grow, without the label of the network. */
  readonly grows: readonly string[];
}

export interface Cell extends Seen {
  /** Begins the fault; the result ends it. */
  readonly begin: (side: FaultSide) => Promise<() => Promise<void>>;
  /** What is seen where the fault is there before the bridge, as far as it differs; null: it cannot be. */
  readonly atStart?: Partial<Seen> | null;
  /** How far the server's clock is ahead, ms. */
  readonly skewMs?: number;
  /** Whether when somebody was last active is shown by the server's wrong clock. */
  readonly lastSeenIsOff?: true;
}

/** A fault that cannot be, and why. */
export interface Impossible {
  readonly impossible: string;
}

const HOURS = 3_600_000;
const LIMITED = '{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":7000}';
const TOO_MANY = '{"error":{"code":429,"message":"Too many requests","retry_after":7}}';

function onWire(fault: WireFault, hit: 'all' | 'websocket' | 'requests' = 'all'): Pick<Cell, 'begin'> {
  return { begin: ({ wire }) => wire.begin(fault, hit) };
}

/** In place of a new WebSocket; the one that was open is cut. */
function onHandshake(fault: WireFault): Pick<Cell, 'begin'> {
  return {
    begin: async ({ wire }) => {
      const back = await wire.begin(fault, 'websocket');
      wire.cut();
      return back;
    },
  };
}

const wrongToken: Pick<Cell, 'begin'> = { begin: (side) => side.refuseToken() };
const restart: Pick<Cell, 'begin'> = { begin: (side) => side.restart() };
/** The times that the server tells are wrong all along. */
const skew = (skewMs: number) => ({
  skewMs,
  begin: async (side: FaultSide) => {
    await side.speakThere();
    return () => Promise.resolve();
  },
});

const DOWN = ['warn homeserver is down, unknown since'];
const SERVER_DOWN = ['warn Plexichat server is down, unknown since'];
const FAILED = ['debug a request to the server failed'];
const ONE_PORT: Impossible = {
  impossible: 'requests and the gateway share one port: see the gateway',
};

/** A homeserver is judged by a look at it, to which every failed request leads. */
const homeserver = (reason: string, outcome: string, ...grows: string[]) =>
  ({
    state: 'down',
    reason,
    log: DOWN,
    grows: [`requests_total{outcome="${outcome}"}`, 'pushes_total{outcome="failed"}', ...grows],
  }) as const;

/** Where there is a gateway it alone tells how the server is. */
const gateway = (reason: string) =>
  ({ state: 'down', reason, log: SERVER_DOWN, grows: ['events_total{event="down"}'] }) as const;

/** Then requests that fail are tried again, and no more. */
const beside = (outcome: string) =>
  ({
    state: 'up',
    log: FAILED,
    grows: [`requests_total{outcome="${outcome}"}`, 'pushes_total{outcome="failed"}'],
    atStart: null,
  }) as const;

/** Without one they are what tells. */
const alone = (reason: string, outcome: string) =>
  ({
    state: 'down',
    reason,
    log: SERVER_DOWN,
    grows: [`requests_total{outcome="${outcome}"}`, 'pushes_total{outcome="failed"}'],
  }) as const;

const unharmed = { state: 'up', log: [], atStart: null } as const;
const UNAVAILABLE = 'events_total{event="unavailable"}';

export const TABLE: Record<FaultName, Record<Column, Cell | Impossible>> = {
  refused: {
    homeserver: { ...onWire('refused'), ...homeserver('refused', 'refused', UNAVAILABLE) },
    gateway: { ...onWire('refused'), ...gateway('closed'), atStart: { reason: 'refused' } },
    'requests beside the gateway': ONE_PORT,
    'requests without a gateway': { ...onWire('refused'), ...alone('unavailable', 'refused') },
  },
  reset: {
    homeserver: { ...onWire('reset'), ...homeserver('reset', 'reset', UNAVAILABLE) },
    gateway: { ...onWire('reset', 'websocket'), ...gateway('closed'), atStart: { reason: 'reset' } },
    'requests beside the gateway': { ...onWire('reset', 'requests'), ...beside('reset') },
    'requests without a gateway': { ...onWire('reset'), ...alone('unavailable', 'reset') },
  },
  slow: {
    homeserver: { ...onWire('slow'), ...homeserver('timeout', 'timeout', UNAVAILABLE) },
    gateway: { ...onWire('slow', 'websocket'), ...gateway('silent') },
    'requests beside the gateway': { ...onWire('slow', 'requests'), ...beside('timeout') },
    'requests without a gateway': { ...onWire('slow'), ...alone('unavailable', 'timeout') },
  },
  'half-open': {
    homeserver: { ...onWire('half-open'), ...homeserver('timeout', 'timeout', UNAVAILABLE) },
    gateway: { ...onWire('half-open', 'websocket'), ...gateway('silent') },
    'requests beside the gateway': { ...onWire('half-open', 'requests'), ...beside('timeout') },
    'requests without a gateway': { ...onWire('half-open'), ...alone('unavailable', 'timeout') },
  },
  '429': {
    // Whoever limits the rate is there.
    homeserver: {
      ...onWire(answering(429, LIMITED)),
      state: 'up',
      log: [],
      grows: [
        'requests_total{outcome="4xx"}',
        'pushes_total{outcome="failed"}',
        'events_total{event="rate_limited"}',
      ],
      atStart: { state: 'down', reason: 'it limits the rate', log: ['warn homeserver is down'] },
    },
    gateway: {
      ...onHandshake(answering(429, TOO_MANY)),
      ...gateway('closed'),
      atStart: { reason: 'unreachable' },
    },
    'requests beside the gateway': { ...onWire(answering(429, TOO_MANY), 'requests'), ...beside('4xx') },
    'requests without a gateway': { ...onWire(answering(429, TOO_MANY)), ...beside('4xx') },
  },
  '500': {
    homeserver: { ...onWire(answering(500, '')), ...homeserver('it answers 500', '5xx', UNAVAILABLE) },
    gateway: {
      ...onHandshake(answering(500, '')),
      ...gateway('closed'),
      atStart: { reason: 'unreachable' },
    },
    'requests beside the gateway': { ...onWire(answering(500, ''), 'requests'), ...beside('5xx') },
    'requests without a gateway': { ...onWire(answering(500, '')), ...alone('unavailable', '5xx') },
  },
  garbage: {
    homeserver: {
      ...onWire(answering(200, '{"user_id":"17')),
      ...homeserver('it answers 200 with what is not Matrix', '2xx', 'events_total{event="garbage"}'),
    },
    gateway: {
      begin: ({ wire }) => {
        wire.say('{"op');
        return wire.begin(answering(200, '{"op'), 'websocket');
      },
      ...gateway('garbage'),
      atStart: { reason: 'unreachable' },
    },
    'requests beside the gateway': {
      ...onWire(answering(200, '{"user_id":"17'), 'requests'),
      ...beside('2xx'),
    },
    'requests without a gateway': { ...onWire(answering(200, '{"user_id":"17')), ...alone('garbage', '2xx') },
  },
  'wrong token': {
    homeserver: {
      ...wrongToken,
      state: 'refused',
      reason: 'it does not know the as_token of the registration',
      log: ['error homeserver does not accept our credentials'],
      grows: ['requests_total{outcome="4xx"}'],
    },
    gateway: {
      begin: async (side) => {
        const back = await side.refuseToken();
        side.wire.cut();
        return back;
      },
      state: 'refused',
      reason: 'token',
      log: [...SERVER_DOWN, 'error Plexichat server does not accept our credentials'],
      grows: ['requests_total{outcome="4xx"}', 'events_total{event="refused"}'],
      atStart: { log: ['error Plexichat server does not accept our credentials'] },
    },
    // Of an open socket the server asks for the token no more.
    'requests beside the gateway': {
      ...wrongToken,
      state: 'up',
      log: FAILED,
      grows: ['requests_total{outcome="4xx"}'],
      atStart: null,
    },
    // There the bridge has no token of its own, but those that people gave.
    'requests without a gateway': {
      ...wrongToken,
      state: 'up',
      log: ['warn the server does not accept the token of a person any more; forgotten'],
      grows: ['requests_total{outcome="4xx"}', 'pushes_total{outcome="failed"}'],
    },
  },
  'server restart': {
    homeserver: { ...restart, ...homeserver('refused', 'refused', UNAVAILABLE), atStart: null },
    gateway: { ...restart, ...gateway('closed'), atStart: null },
    'requests beside the gateway': { impossible: 'the gateway of the same server restarts with it' },
    'requests without a gateway': { ...restart, ...alone('unavailable', 'refused'), atStart: null },
  },
  'clock ahead': {
    homeserver: { ...skew(5 * HOURS), ...unharmed, grows: ['received_total{outcome="applied"}'] },
    gateway: { ...skew(5 * HOURS), ...unharmed, grows: ['received_total{outcome="applied"}'] },
    'requests beside the gateway': {
      ...skew(5 * HOURS),
      ...unharmed,
      grows: ['requests_total{outcome="2xx"}'],
    },
    'requests without a gateway': {
      ...skew(5 * HOURS),
      ...unharmed,
      grows: ['pushes_total{outcome="written"}'],
    },
  },
  'clock behind': {
    homeserver: { ...skew(-5 * HOURS), ...unharmed, grows: ['received_total{outcome="applied"}'] },
    gateway: { ...skew(-5 * HOURS), ...unharmed, grows: ['received_total{outcome="applied"}'] },
    // A state that was not told but read is as old as the server says.
    'requests beside the gateway': {
      ...skew(-5 * HOURS),
      ...unharmed,
      lastSeenIsOff: true,
      grows: ['requests_total{outcome="2xx"}'],
    },
    'requests without a gateway': {
      ...skew(-5 * HOURS),
      ...unharmed,
      grows: ['pushes_total{outcome="written"}'],
    },
  },
};

export function open(column: Column, { skewMs = 0 }: Cell): Promise<FaultSide> {
  if (column === 'homeserver') return homeserverSide({ skewMs });
  return serverSide({
    skewMs,
    follows: column !== 'requests without a gateway',
    forgets: column === 'requests beside the gateway',
  });
}

/** Values of series, 15 s apart, as promtool writes them. */
type Series = Readonly<Record<string, string>>;

/** What an alert is for, and what it must not take for it. */
export interface AlertFault {
  readonly alert: string;
  readonly faulty: Series;
  readonly healthy: Series;
  /** Since the fault began: when it does not fire yet, and when it does. */
  readonly notYet: string;
  readonly firing: string;
}

const NODE = 'job="plexibridge", instance="a"';
const OTHER = 'job="plexibridge", instance="b"';
const SIDE = `${NODE}, network="left"`;
const SIDE_ELSEWHERE = `${OTHER}, network="left"`;

/** Each counts so many more every 15 s, by outcome. */
function outcomes(metric: string, counts: Readonly<Record<string, number>>): Series {
  return Object.fromEntries(
    Object.entries(counts).map(([outcome, each]) => [
      `${metric}{${SIDE}, outcome="${outcome}"}`,
      `0+${each}x200`,
    ]),
  );
}

function buckets(metric: string, counts: Readonly<Record<string, number>>): Series {
  return Object.fromEntries(
    Object.entries(counts).map(([le, each]) => [`${metric}_bucket{${NODE}, le="${le}"}`, `0+${each}x200`]),
  );
}

function one(metric: string, labels: string, values: string): Series {
  return { [`${metric}{${labels}}`]: values };
}

const PUSHES = 'plexibridge_connector_pushes_total';
const REQUESTS = 'plexibridge_connector_requests_total';
const COMMIT = 'plexibridge_store_commit_duration_seconds';
const PROPAGATION = 'plexibridge_propagation_seconds';

export const ALERT_FAULTS: readonly AlertFault[] = [
  {
    alert: 'PlexibridgeDown',
    faulty: one('up', NODE, '0x200'),
    healthy: one('up', NODE, '1x200'),
    notYet: '45s',
    firing: '90s',
  },
  {
    alert: 'PlexibridgeRestarts',
    faulty: one('process_start_time_seconds', NODE, '0 0 0 0 1 1 1 1 2 2 2 2 3x200'),
    healthy: one('process_start_time_seconds', NODE, '0 0 0 0 1 1 1 1 2x200'),
    notYet: '3m45s',
    firing: '5m',
  },
  {
    alert: 'PlexibridgeServerDown',
    faulty: {
      ...one('plexibridge_connector_up', SIDE, '0x200'),
      ...one('plexibridge_connector_up', SIDE_ELSEWHERE, '0x200'),
    },
    // One node at a time is connected.
    healthy: {
      ...one('plexibridge_connector_up', SIDE, '0x200'),
      ...one('plexibridge_connector_up', SIDE_ELSEWHERE, '1x200'),
    },
    notYet: '4m45s',
    firing: '5m30s',
  },
  {
    alert: 'PlexibridgeBacklog',
    faulty: one('plexibridge_connector_backlog', SIDE, '600x200'),
    healthy: one('plexibridge_connector_backlog', SIDE, '400x200'),
    notYet: '9m45s',
    firing: '10m30s',
  },
  {
    alert: 'PlexibridgePushesFail',
    faulty: outcomes(PUSHES, { failed: 2, written: 8 }),
    healthy: outcomes(PUSHES, { failed: 1, written: 99 }),
    notYet: '9m',
    firing: '11m',
  },
  {
    alert: 'PlexibridgeRequestsRefused',
    faulty: outcomes(REQUESTS, { '4xx': 3, '2xx': 7 }),
    healthy: outcomes(REQUESTS, { '4xx': 1, '2xx': 9 }),
    notYet: '14m',
    firing: '16m',
  },
  {
    alert: 'PlexibridgeStoreRefuses',
    faulty: one('plexibridge_store_commit_failures_total', NODE, '0+1x200'),
    healthy: one('plexibridge_store_commit_failures_total', NODE, '0 0 0 0 1x200'),
    notYet: '45s',
    firing: '2m30s',
  },
  {
    alert: 'PlexibridgeStoreSlow',
    faulty: buckets(COMMIT, { '0.5': 0, '1': 1, '+Inf': 1 }),
    healthy: buckets(COMMIT, { '0.25': 0, '0.5': 1, '1': 1, '+Inf': 1 }),
    notYet: '9m',
    firing: '11m',
  },
  {
    alert: 'PlexibridgeFeedStale',
    faulty: one('plexibridge_store_feed_age_seconds', `${NODE}, primary="db"`, '20x200'),
    healthy: one('plexibridge_store_feed_age_seconds', `${NODE}, primary="db"`, '1x200'),
    notYet: '45s',
    firing: '90s',
  },
  {
    alert: 'PlexibridgeFeedLosses',
    faulty: one('plexibridge_store_feed_losses_total', `${NODE}, primary="db"`, '0 1 2 3 4 5x200'),
    healthy: one('plexibridge_store_feed_losses_total', `${NODE}, primary="db"`, '0 1x200'),
    notYet: '1m15s',
    firing: '4m',
  },
  {
    alert: 'PlexibridgeSlowPropagation',
    faulty: buckets(PROPAGATION, { '1': 9, '2.5': 10, '+Inf': 10 }),
    healthy: buckets(PROPAGATION, { '1': 10, '2.5': 10, '+Inf': 10 }),
    notYet: '9m',
    firing: '11m',
  },
  {
    alert: 'PlexibridgeOverloaded',
    faulty: one('nodejs_eventloop_lag_p99_seconds', NODE, '0.3x200'),
    healthy: one('nodejs_eventloop_lag_p99_seconds', NODE, '0.02x200'),
    notYet: '4m45s',
    firing: '5m30s',
  },
  {
    alert: 'PlexibridgeSlowClients',
    faulty: one('plexibridge_gateway_slow_closes_total', NODE, '0+6x200'),
    healthy: one('plexibridge_gateway_slow_closes_total', NODE, '0+1x200'),
    notYet: '14m',
    firing: '16m',
  },
];

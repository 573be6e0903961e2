import type { Metrics } from '../metrics/metrics.ts';

/** What a connector counts. None of it moves by what somebody does while others believe her to be away (semantics §6). */
export interface ConnectorMetrics {
  /** A request to the server was answered, or failed: a class of status such as `2xx`, or a fault. */
  request(outcome: string): void;
  /** A change was written there, was found to be there already, or could not be written. */
  pushed(outcome: 'written' | 'unchanged' | 'failed'): void;
  /** The server said something of somebody. */
  received(outcome: 'applied' | 'echo' | 'unknown' | 'ignored'): void;
  /** Something out of the ordinary, by a name of a closed list. */
  event(name: string): void;
  /** Whether the server can be reached and accepts us. */
  up(is: boolean): void;
  /** Changes that wait to be written there. */
  backlog(size: number): void;
}

/** Registers the metrics of all connectors; the result gives those of one, by the name of its network. */
export function connectorMetrics(metrics: Metrics): (network: string) => ConnectorMetrics {
  const labels = ['network', 'outcome'] as const;
  const requests = metrics.counter({
    name: 'connector_requests_total',
    help: 'Requests to a real server, by class of status or fault',
    labels,
  });
  const pushes = metrics.counter({
    name: 'connector_pushes_total',
    help: 'Changes of presence meant for a real server: written, unchanged there, or failed',
    labels,
  });
  const received = metrics.counter({
    name: 'connector_received_total',
    help: 'Words of a real server about somebody: applied, echo, unknown person, or ignored',
    labels,
  });
  const events = metrics.counter({
    name: 'connector_events_total',
    help: 'What happened to the connection to a real server',
    labels: ['network', 'event'],
  });
  const up = metrics.gauge({
    name: 'connector_up',
    help: 'Whether a real server can be reached and accepts the bridge',
    labels: ['network'],
  });
  const backlog = metrics.gauge({
    name: 'connector_backlog',
    help: 'Changes of presence that wait to be written to a real server',
    labels: ['network'],
  });
  return (network) => ({
    request: (outcome) => requests.inc({ network, outcome }),
    pushed: (outcome) => pushes.inc({ network, outcome }),
    received: (outcome) => received.inc({ network, outcome }),
    event: (event) => events.inc({ network, event }),
    up: (is) => up.set(is ? 1 : 0, { network }),
    backlog: (size) => backlog.set(size, { network }),
  });
}

import type { SideHealth, SideState } from './side.ts';

/** A real server that feeds the bridge and is fed by it, from `start` until it is disposed. */
export interface Connector extends AsyncDisposable {
  /** Begins to connect; resolves at once. What goes wrong from then on is told by `health` and the log. */
  start(): void;
  health(): ConnectorHealth;
}

export interface ConnectorHealth extends Omit<SideHealth, 'state'> {
  /** `elsewhere`: another node is connected, or none yet. */
  readonly state: SideState | 'elsewhere';
  /** Changes that wait to be written there. */
  readonly backlog: number;
  /** What an operator should know although the server is up, in plain words; empty when all is well. */
  readonly warnings: readonly string[];
}

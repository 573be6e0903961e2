export interface GatewaySettings {
  /** Largest `intents` a client may ask for. */
  readonly maxIntents: number;
  /** Whether a client is sent the presence of every contact once it is connected. */
  readonly initialPresences: boolean;
  /** How long a session without a connection may be resumed, ms. */
  readonly resumeWindowMs: number;
  /** Events kept for a resume. */
  readonly replayLimit: number;
  /** Bytes that may wait for a client. */
  readonly outboxLimit: number;
  readonly connectionsPerPerson: number;
}

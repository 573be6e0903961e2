/** Why the gateway closes a socket (Plexichat gateway: close codes); the reason sent is the code's name in words. */
export const CLOSES = {
  service_restart: { code: 1012, reason: 'Service restart' },
  unknown_error: { code: 4000, reason: 'Unknown error' },
  unknown_opcode: { code: 4001, reason: 'Unknown opcode' },
  decode_error: { code: 4002, reason: 'Decode error' },
  not_authenticated: { code: 4003, reason: 'Not authenticated' },
  authentication_failed: { code: 4004, reason: 'Authentication failed' },
  already_authenticated: { code: 4005, reason: 'Already authenticated' },
  rate_limited: { code: 4008, reason: 'Rate limited' },
  session_timed_out: { code: 4009, reason: 'Session timed out' },
  invalid_intents: { code: 4013, reason: 'Invalid intents' },
} as const;

export type CloseName = keyof typeof CLOSES;

/** A fault of the client that ends its socket. */
export class GatewayFault extends Error {
  readonly close: CloseName;

  constructor(close: CloseName, options?: ErrorOptions) {
    super(CLOSES[close].reason, options);
    this.name = 'GatewayFault';
    this.close = close;
  }
}

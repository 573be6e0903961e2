/** The codes that are really sent, and their words (contract §3.9). */
export const REASONS = {
  4001: 'Unknown opcode',
  4002: 'Decode error',
  4003: 'Not authenticated',
  4004: 'Authentication failed',
  4005: 'Already authenticated',
  4009: 'Session timed out',
  4013: 'Invalid intents',
} as const;

export type CloseCode = keyof typeof REASONS;

import { z } from 'zod';
import { MAX_INTENTS } from '../../protocols/plexichat/frames.ts';
import { DIALECT_SETTINGS } from '../../protocols/plexichat/wire.ts';
import type { GatewaySettings } from './gateway/settings.ts';

/** Reads text as ms, `never` as Infinity. */
type Duration = z.ZodType<number, string>;

function gateway(duration: Duration) {
  return z.strictObject({
    max_intents: z
      .int()
      .min(0)
      .default(MAX_INTENTS)
      .describe('Largest intents a client may ask for; older servers take 65535'),
    initial_presences: z
      .boolean()
      .default(true)
      .describe('Whether clients are sent the presence of every contact once they are connected'),
    resume_window: duration
      .prefault('60s')
      .describe('How long a client that lost its connection may resume its session; a duration'),
    replay_limit: z
      .int()
      .min(1)
      .default(2000)
      .describe('Events kept for each session, to be sent again when it is resumed'),
    outbox_limit: z
      .int()
      .min(1024)
      .default(1_048_576)
      .describe(
        'Bytes that may wait for a client that reads slowly; beyond it the client must connect again',
      ),
    connections_per_person: z
      .int()
      .min(1)
      .default(20)
      .describe('Gateway connections of one person; beyond it new ones are refused'),
  });
}

/** The settings of the Plexichat surface. */
export function plexichatSection(duration: Duration) {
  return z.strictObject({
    dialect: z
      .enum(DIALECT_SETTINGS)
      .default('documented')
      .describe('How times are written: documented is seconds and null, server is milliseconds and 0'),
    cors_origins: z
      .array(z.string().refine(isOrigin, 'must be an origin such as https://app.example.com'))
      .default([])
      .describe('Origins of web pages that may call the Plexichat API'),
    gateway: gateway(duration).prefault({}).describe('The WebSocket at /gateway'),
  });
}

/** The section `gateway` as the gateway takes it. */
export function gatewaySettings(section: z.output<ReturnType<typeof gateway>>): GatewaySettings {
  return {
    maxIntents: section.max_intents,
    initialPresences: section.initial_presences,
    resumeWindowMs: section.resume_window,
    replayLimit: section.replay_limit,
    outboxLimit: section.outbox_limit,
    connectionsPerPerson: section.connections_per_person,
  };
}

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

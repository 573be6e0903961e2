import { z } from 'zod';

const secret = z
  .string()
  .min(1)
  .regex(/^[\x21-\x7e]*$/, 'must hold no space')
  .optional()
  .meta({ writeOnly: true });

/** The settings of the Plexichat connector; `duration` reads text as ms, `never` as Infinity. */
export function serverSection(duration: z.ZodType<number, string>) {
  const lasting = duration.refine(Number.isFinite, 'must not be never');
  return z.strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Base URL of the Plexichat server that the bridge follows, without /api/v1; none without it'),
    token: secret.describe(
      "Token of the bridge's own account there; it sees its friends and the members of its servers",
    ),
    access_token: secret.describe('X-API-Access-Token, where the server demands one'),
    rate_limit_bypass: secret.describe('X-RateLimit-Bypass, where the server is yours'),
    receive: z.boolean().default(true).describe('Whether presence is taken from the Plexichat server'),
    push: z
      .boolean()
      .default(true)
      .describe('Whether presence of linked people is written there with the tokens that they gave'),
    token_key: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}=?$/, 'must be 32 bytes in base64url')
      .optional()
      .meta({ writeOnly: true })
      .describe(
        'Key that encrypts the tokens that people give, 32 bytes in base64url; without it none are taken',
      ),
    requests_per_minute: z
      .int()
      .min(5)
      .max(110)
      .default(60)
      .describe('The most requests in a minute; the server refuses more than 120 from one address'),
    requests_per_day: z
      .int()
      .min(100)
      .max(10_000)
      .default(9000)
      .describe('The most requests in a day; the server refuses more than 10,000 from one address'),
    reconcile_every: lasting
      .prefault('5m')
      .describe('How often everybody is asked for anew, since the server drops events silently'),
    verify_tokens: z
      .boolean()
      .default(true)
      .describe('Whether tokens of the Plexichat server are accepted by the Plexichat API of the bridge'),
    token_cache: lasting
      .prefault('5m')
      .describe('How long a token that the server vouched for is believed without asking again'),
    unknown_after: lasting
      .prefault('30m')
      .describe(
        'How long people are believed to be as they were once the server cannot be reached; at most half as long again',
      ),
    timeout: lasting.prefault('10s').describe('The longest that a request to the server may take'),
  });
}

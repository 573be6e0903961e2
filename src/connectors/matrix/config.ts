import { z } from 'zod';

/** The settings of the homeserver connector; `duration` reads text as ms, `never` as Infinity. */
export function homeserverSection(duration: z.ZodType<number, string>) {
  const lasting = duration.refine(Number.isFinite, 'must not be never');
  return z.strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe(
        'Base URL of the homeserver that the bridge serves as an application service; none without it',
      ),
    registration: z
      .string()
      .min(1)
      .default('./registration.yaml')
      .describe('The registration file, with both tokens; made by `plexibridge registration generate`'),
    receive: z.boolean().default(true).describe('Whether presence is taken from the homeserver'),
    push: z
      .boolean()
      .default(true)
      .describe('Whether the presence of stand-ins is written to the homeserver'),
    room: z
      .string()
      .regex(/^[#!][^\s:]+(:\S+)?$/, 'must be a room id or a room alias')
      .optional()
      .describe(
        'Room that the stand-ins join, so that its members see their presence; an alias is made if absent',
      ),
    remote_users: z
      .boolean()
      .default(false)
      .describe('Whether presence of users of other homeservers is taken, too'),
    keep_alive: lasting
      .prefault('25s')
      .describe(
        'How often the presence of stand-ins who are not offline is said again; homeservers forget after 30s',
      ),
    puts_per_second: z
      .number()
      .positive()
      .default(20)
      .describe(
        'The most presence writes to the homeserver in a second; keep_alive times this many can be online',
      ),
    reads_per_second: z
      .number()
      .positive()
      .default(10)
      .describe(
        'The most presence reads from the homeserver in a second, by which the bridge catches up with what it missed',
      ),
    mirror: z
      .boolean()
      .default(false)
      .describe(
        'Whether linked people are shown on the homeserver with their own token, once they used it here',
      ),
    verify_tokens: z
      .boolean()
      .default(true)
      .describe('Whether access tokens of the homeserver are accepted by the Matrix API of the bridge'),
    token_cache: lasting
      .prefault('5m')
      .describe('How long a token that the server vouched for is believed without asking again'),
    unknown_after: lasting
      .prefault('30m')
      .describe(
        'How long people are believed to be as they were once the homeserver cannot be reached; at most half as long again',
      ),
    timeout: lasting.prefault('10s').describe('The longest that a request to the homeserver may take'),
  });
}

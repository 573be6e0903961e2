import { isIP } from 'node:net';
import { z } from 'zod';
import { duration } from './duration.ts';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** Whether the text is an IP address, or one with the length of a prefix. */
function isAddressRange(text: string): boolean {
  const [address = '', prefix] = text.split('/');
  const bits = isIP(address) === 4 ? 32 : 128;
  return (
    isIP(address) !== 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits))
  );
}

const listen = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on; 0.0.0.0 or :: for all'),
  port: z.int().min(0).max(65535).default(8790).describe('TCP port; 0 takes any free one'),
  trusted_proxies: z
    .array(z.string().refine(isAddressRange, 'must be an IP address or a CIDR range'))
    .default([])
    .describe('Proxies whose X-Forwarded-For is believed, as addresses or CIDR ranges'),
  request_timeout: duration
    .refine((ms) => ms >= 100 && Number.isFinite(ms), 'must be at least 100ms and not never')
    .prefault('30s')
    .describe('The longest that a client may take to send a request; a duration'),
});

const store = z
  .strictObject({
    kind: z
      .enum(['sqlite', 'postgres'])
      .default('sqlite')
      .describe(
        'Where presence is kept: sqlite is embedded, for one node; postgres is for any number of them',
      ),
    path: z.string().min(1).default('./data').describe('Folder of the embedded store'),
    shards: z
      .array(
        z
          .string()
          .regex(
            /^postgres(ql)?:\/\/[^\s]+$/,
            'must be a URL such as postgres://user:password@host:5432/database',
          ),
      )
      .default([])
      .meta({ writeOnly: true })
      .describe(
        'For postgres: connection URLs of the primaries that share the records; the first of a new bridge has the rest',
      ),
    pool: z.int().min(1).default(8).describe('For postgres: the most connections of a node to each primary'),
    cache_records: z
      .int()
      .min(1)
      .default(100_000)
      .describe('For postgres: how many presence records a node remembers'),
  })
  .refine(({ kind, shards }) => kind !== 'postgres' || shards.length > 0, {
    path: ['shards'],
    error: 'must name at least one primary where store.kind is postgres',
  })
  .refine(({ kind, shards }) => kind === 'postgres' || shards.length === 0, {
    path: ['shards'],
    error: 'is used where store.kind is postgres only',
  });

const operator = z.strictObject({
  token: z
    .string()
    .min(16)
    .regex(/^[^\s,]*$/, 'must hold no space and no comma')
    .optional()
    .meta({ writeOnly: true })
    .describe(
      'Bearer token of the operator API, at least 16 characters; the first start makes one if absent',
    ),
});

const log = z.strictObject({
  level: z.enum(LOG_LEVELS).default('info').describe('Least severe level that is logged'),
});

function rate(what: string, burst: number, perSecond: number) {
  return z.strictObject({
    burst: z.int().min(1).default(burst).describe(`${what} that may come at once`),
    per_second: z.number().positive().default(perSecond).describe(`${what} that become possible each second`),
  });
}

const limits = z.strictObject({
  writes: rate('Writes of one person', 10, 1).prefault({}),
  failed_auth: rate('Failed authentications from one address', 20, 0.5).prefault({}),
  sessions: z
    .int()
    .min(1)
    .default(50)
    .describe('Sessions of one person; beyond it the one that ends first makes room'),
  contacts: z.int().min(1).default(1000).describe('Entries in one contact list, pending ones included'),
  body_bytes: z.int().min(1).default(1_048_576).describe('Largest request body, in bytes'),
});

const presence = z.strictObject({
  idle_after: duration
    .prefault('5m')
    .describe('Without activity for so long, online and chat count as idle; a duration or never'),
  claim_ttl: duration
    .prefault('30m')
    .describe(
      'Without activity for so long, what people said holds only while they are connected; a duration or never',
    ),
  busy_ttl: duration
    .prefault('30m')
    .describe('The same for people who said that they do not want to be disturbed; a duration or never'),
  grace: duration
    .refine(Number.isFinite, 'must end')
    .prefault('30s')
    .describe('How long a session outlives its connection; a duration'),
  visibility: z
    .enum(['everyone', 'contacts', 'nobody'])
    .default('everyone')
    .describe('Who may see new people: everyone with a token, their contacts, or nobody'),
});

const metrics = z.strictObject({
  public: z.boolean().default(false).describe('Whether /metrics answers anybody, not only the operator'),
});

const translation = z.strictObject({
  sticky: z
    .boolean()
    .default(true)
    .describe('Whether a network without a word for do-not-disturb or invisible leaves them be'),
});

type Sections = Record<string, z.ZodObject>;

/** Sections may be left out: each key then has its default. */
function optionalSections<S extends Sections>(sections: S): { [Name in keyof S]: z.ZodPrefault<S[Name]> };
function optionalSections(sections: Sections) {
  return Object.fromEntries(Object.entries(sections).map(([name, it]) => [name, it.prefault({})]));
}

/** All settings of the bridge; keys are those of the file. The app adds a section for each network. */
export function bridgeSchema<Networks extends Sections>(networkSections: Networks) {
  return z.strictObject({
    ...optionalSections({ listen, store, operator, log, limits, presence, translation, metrics }),
    samples: z.boolean().default(true).describe('Whether a first start makes two sample people to play with'),
    ...optionalSections(networkSections),
  });
}

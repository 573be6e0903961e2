import { once } from 'node:events';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, it } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { CLOSES } from '../../src/protocols/plexichat/close-codes.ts';
import { assertBriefly, SEED } from './check.ts';
import type { Mutation } from './mutate.ts';
import { mutate, mutations } from './mutate.ts';
import type { FuzzWorld } from './world.ts';
import { DEADLINE, makeFuzzWorld } from './world.ts';

/** `FUZZ_RUNS=1000 npm test` for a long run; each is so many connections at once. */
const RUNS = 20 * Number(process.env['FUZZ_RUNS'] ?? 6);
const AT_ONCE = 8;
/** All that a client may be told of itself; the rest would be the fault of the bridge. */
const FAULTS = new Set<number>(
  Object.entries(CLOSES).flatMap(([name, { code }]) => (name === 'unknown_error' ? [] : [code])),
);
const presence = z.strictObject({
  user_id: z.string(),
  status: z.enum(['online', 'idle', 'dnd', 'offline']),
  custom_status: z.string().nullable(),
  custom_emoji: z.string().nullable(),
});
/** What the gateway sends (Plexichat gateway). */
const frame = z.union([
  z.strictObject({ op: z.literal(10), d: z.strictObject({ heartbeat_interval: z.int() }) }),
  z.strictObject({ op: z.literal(11) }),
  z.strictObject({ op: z.literal(9), d: z.boolean() }),
  z.strictObject({ op: z.literal(0), s: z.int(), t: z.literal('PRESENCE_UPDATE'), d: presence }),
  z.strictObject({ op: z.literal(0), s: z.int(), t: z.enum(['READY', 'RESUMED']), d: z.object({}) }),
]);

let world: FuzzWorld;
let url: string;

beforeAll(async () => {
  world = await makeFuzzWorld();
  url = (await world.app.http.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws');
});
afterAll(() => world[Symbol.asyncDispose]());

interface Sent {
  readonly json: unknown;
  readonly as: 'text' | 'binary' | 'zlib';
  /** Empty for a frame that goes as it is. */
  readonly spoilt: readonly Mutation[];
}

const OP = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<unknown>(1, 2, 3, 4, 6, 8, 20, 40, 41, 60, 0, 9, 10, 11, true) },
  { weight: 1, arbitrary: fc.oneof(fc.integer(), fc.double(), fc.string(), fc.constant(null)) },
);
const anything = fc.jsonValue({ maxDepth: 3 });
const now = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof<fc.Arbitrary<unknown>[]>(
    { weight: 6, arbitrary } as never,
    { weight: 1, arbitrary: anything } as never,
  );
const D = fc.oneof(
  fc.record(
    {
      token: now(fc.constant('{token}')),
      intents: now(fc.constantFrom(0, 256, 65_535, 1_900_543)),
      compress: now(fc.constant(false)),
      properties: now(fc.constant({ os: 'linux' })),
      session_id: now(fc.string()),
      seq: now(fc.nat()),
    },
    { requiredKeys: ['token'] },
  ),
  fc.record(
    {
      status: now(fc.constantFrom('online', 'idle', 'dnd', 'invisible', 'offline')),
      custom_status: now(fc.string({ unit: 'binary', maxLength: 140 })),
      custom_emoji: now(fc.constantFrom('🔥', ':computer:')),
      afk: anything,
      activities: anything,
    },
    { requiredKeys: [] },
  ),
  fc.record({ guild_id: now(fc.nat()), channel_id: anything, user_ids: anything }, { requiredKeys: [] }),
  anything,
);

const sent: fc.Arbitrary<Sent> = fc.record({
  json: fc.oneof({ weight: 8, arbitrary: fc.record({ op: OP, d: D }) }, { weight: 1, arbitrary: anything }),
  as: fc.constantFrom('text', 'text', 'binary', 'zlib'),
  spoilt: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: mutations }),
});

async function talk(identified: boolean, frames: readonly Sent[]): Promise<void> {
  const { token } = world.pat.plexichat;
  const socket = new WebSocket(`${url}/gateway`);
  const told: string[] = [];
  socket.on('message', (message: Buffer, isBinary) => {
    if (!isBinary) told.push(String(message)); // Else she asked for `compress`.
  });
  socket.on('error', () => undefined);
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(DEADLINE) }) as Promise<[number]>;
  await once(socket, 'open');
  if (identified) socket.send(JSON.stringify({ op: 2, d: { token, intents: 256 } }));
  const texts = frames.map(({ json }) => JSON.stringify(json).replaceAll('{token}', token));
  frames.forEach(({ as, spoilt }, i) => {
    const bytes = mutate(Buffer.from(texts[i] ?? ''), spoilt);
    if (as === 'text') socket.send(bytes.toString('latin1'));
    else socket.send(as === 'binary' ? bytes : mutate(deflateSync(bytes), spoilt));
  });
  // Frames are dealt with in order: who is still there ends here.
  socket.send('{"op":12345}');
  const [code] = await closed;
  const story = () => `${code} after ${JSON.stringify(texts).slice(0, 600)}`;
  if (!FAULTS.has(code)) throw new Error(`closed with ${story()}`);
  for (const text of told) {
    if (!frame.safeParse(JSON.parse(text)).success) throw new Error(`was sent ${text}, ${story()}`);
    const seen = [...world.secrets, ...world.unseen].find(
      (it) => text.includes(it) && !texts.some((t) => t.includes(it)),
    );
    if (seen !== undefined) throw new Error(`${seen} is seen in ${text}, ${story()}`);
  }
}

it(
  `whatever is sent to the gateway, the socket lives or is closed for a reason, seed ${SEED}`,
  async () => {
    const one = fc.tuple(fc.boolean(), fc.array(sent, { minLength: 1, maxLength: 6 }));
    const some = fc.array(one, { minLength: AT_ONCE, maxLength: AT_ONCE });
    const property = fc.asyncProperty(some, async (all) => {
      await Promise.all(all.map(([identified, frames]) => talk(identified, frames)));
    });
    await assertBriefly(property, RUNS);
    await talk(true, [{ json: { op: 3, d: { status: 'dnd' } }, as: 'text', spoilt: [] }]);
  },
  60_000 + RUNS * 5000,
);

import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isSomeError } from '../trust/error-forms.ts';
import { bearer, exchange, JSON_TYPE, request } from '../trust/raw-client.ts';
import { assertBriefly, SEED } from './check.ts';
import type { Mutation } from './mutate.ts';
import { mutate, mutations } from './mutate.ts';
import type { FuzzWorld } from './world.ts';
import { makeFuzzWorld } from './world.ts';

/** `FUZZ_RUNS=1000 npm test` for a long run; each is so many connections at once. */
const RUNS = 30 * Number(process.env['FUZZ_RUNS'] ?? 6);
const AT_ONCE = 10;

let world: FuzzWorld;
let url: string;

beforeAll(async () => {
  world = await makeFuzzWorld();
  url = await world.app.http.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => world[Symbol.asyncDispose]());

/** Good requests of every kind, to be spoilt. */
function good(): string[] {
  const { plexichat, matrix } = world.pat;
  const [left, right] = [bearer(plexichat.token), bearer(matrix.token)];
  const homeserver = bearer(world.tokenOf('homeserver', '') ?? '');
  const status = `/_matrix/client/v3/presence/${matrix.id}/status`;
  const chunked = 'Transfer-Encoding: chunked';
  const typing = { type: 'm.presence', sender: matrix.id, content: { presence: 'online' } };
  return [
    request('PUT', '/api/v1/users/@me/presence', [left, JSON_TYPE], '{"status":"dnd","custom_status":"x"}'),
    request('GET', `/api/v1/users/${plexichat.id}/presence`, [left]),
    request('PUT', status, [right, JSON_TYPE], '{"presence":"online","status_msg":"💻 x"}'),
    request('GET', `/_matrix/client/v3/presence/${encodeURIComponent(matrix.id)}/status`, [right]),
    request('GET', `/_matrix/client/v3/sync?set_presence=offline&access_token=${matrix.token}`),
    request(
      'POST',
      `/_matrix/client/api/v1/presence/list/${matrix.id}`,
      [right],
      '{"invite":["@bob:localhost"]}',
    ),
    request('PUT', '/bridge/v1/me/mode', [right, JSON_TYPE], '{"mode":"idle","text":"x","expires_in":60}'),
    request(
      'PUT',
      '/_matrix/app/v1/transactions/1',
      [homeserver],
      JSON.stringify({ events: [], ephemeral: [typing] }),
    ),
    request('PUT', status, [right, chunked]) + '15\r\n{"presence":"online"}\r\n0\r\n\r\n',
    request('GET', '/livez').replace('Connection: close\r\n', '').repeat(3),
    request('GET', '/gateway', [
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ]),
  ];
}

async function spoil(kind: number, changes: readonly Mutation[]): Promise<void> {
  const all = good();
  const bytes = mutate(Buffer.from(all[kind % all.length] ?? ''), changes);
  const sent = bytes.toString('latin1');
  for (const { status, headers, text } of await exchange(url, bytes, { last: true })) {
    const said = `${status} ${text.slice(0, 300)} to ${JSON.stringify(sent)}`;
    if (status >= 500) throw new Error(said);
    if (
      status >= 400 &&
      text !== '' &&
      headers['content-type'] === 'application/json' &&
      !isSomeError(text)
    ) {
      throw new Error(`no error of any form: ${said}`);
    }
    const leaked = [...world.secrets, ...world.unseen].find((it) => text.includes(it) && !sent.includes(it));
    if (leaked !== undefined) throw new Error(`${leaked} is seen: ${said}`);
  }
}

it(
  `requests with bytes that are wrong are answered or ended, seed ${SEED}`,
  async () => {
    const one = fc.tuple(fc.nat({ max: 100 }), mutations);
    const some = fc.array(one, { minLength: AT_ONCE, maxLength: AT_ONCE });
    const property = fc.asyncProperty(some, async (all) => {
      await Promise.all(all.map(([kind, changes]) => spoil(kind, changes)));
    });
    await assertBriefly(property, RUNS);
    const whole = await Promise.all(
      good()
        .slice(0, -1)
        .map((text) => exchange(url, text, { last: true })),
    );
    const refused = whole.flat().filter(({ status }) => status !== 200);
    expect(refused).toEqual([]);
  },
  60_000 + RUNS * 5000,
);

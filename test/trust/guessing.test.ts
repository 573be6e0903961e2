import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TestApp, TestPerson } from '../helpers/app.ts';
import { makeApp, OPERATOR } from '../helpers/app.ts';
import { apiOf, misshapen } from './error-forms.ts';

const BURST = 20;
const UNA = { plexichat_id: '175928847299117063', matrix_id: '@una:localhost' };
const DOORS = [
  '/api/v1/users/@me',
  '/_matrix/client/v3/account/whoami',
  '/_matrix/client/api/v1/presence/@una:localhost/status',
  '/bridge/v1/me/mode',
  '/bridge/v1/people',
  '/metrics',
];

let app: TestApp;
let una: TestPerson;

beforeEach(async () => {
  app = await makeApp({ limits: { failed_auth: { burst: BURST, per_second: 0.5 } } });
  una = await app.person(UNA);
});
afterEach(() => app.http.close());

async function knock(path: string, token: string, from: string, headers: object = {}): Promise<number> {
  const authorization = `Bearer ${token}`;
  const reply = await app.http.inject({
    method: 'GET',
    url: path,
    remoteAddress: from,
    headers: { ...headers, authorization },
  });
  if (reply.statusCode >= 400) expect(misshapen(apiOf(path), reply.statusCode, reply.body)).toBeNull();
  if (reply.statusCode === 429) expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
  return reply.statusCode;
}

/** How many guesses are answered as guesses before the address is told to wait. */
async function guesses(from: (i: number) => string, headers: (i: number) => object = () => ({})) {
  for (let i = 0; i < 3 * BURST; i++) {
    const guess = `175928847299117063.guess-${i}`;
    if ((await knock(DOORS[i % DOORS.length]!, guess, from(i), headers(i))) === 429) return i;
  }
  return Infinity;
}

describe('guessing tokens', () => {
  it('is limited for an address, over all APIs together', async () => {
    expect(await guesses(() => '203.0.113.7')).toBe(BURST);
    for (const door of DOORS) expect(await knock(door, 'guess.guess', '203.0.113.7')).toBe(429);
    expect(await knock(DOORS[0]!, 'guess.guess', '203.0.113.8')).toBe(401);
    app.clock.advance(2000);
    expect(await knock(DOORS[0]!, 'guess.guess', '203.0.113.7')).toBe(401);
  });

  it('is limited for all addresses of one client where these are IPv6', async () => {
    expect(await guesses((i) => `2001:db8:1:2:${i.toString(16)}::${i.toString(16)}`)).toBe(BURST);
    expect(await knock(DOORS[0]!, 'guess.guess', '2001:db8:1:3::1')).toBe(401);
  });

  it('gains nothing by headers that only proxies may send', async () => {
    const headers = (i: number) => ({ 'x-forwarded-for': `198.51.100.${i}`, forwarded: `for=192.0.2.${i}` });
    expect(await guesses(() => '203.0.113.9', headers)).toBe(BURST);
  });

  it('keeps out nobody who holds a live token, at the same address', async () => {
    await guesses(() => '203.0.113.7');
    expect(await knock(DOORS[0]!, una.plexichat.token, '203.0.113.7')).toBe(200);
    expect(await knock(DOORS[1]!, una.matrix.token, '203.0.113.7')).toBe(200);
    expect(await knock(DOORS[4]!, OPERATOR, '203.0.113.7')).toBe(200);
  });

  it('answers the same to what was live once, to what is nearly live, and to nonsense', async () => {
    await app.call('DELETE', `/bridge/v1/people/${una.id}/tokens`, OPERATOR);
    const answers = new Set<string>();
    const { token } = una.matrix;
    for (const tried of [token, `${token}x`, token.slice(0, -1), `pxb_${'A'.repeat(43)}`]) {
      const { text } = await app.call('GET', DOORS[1]!, tried);
      answers.add(text);
    }
    expect(answers.size).toBe(1);
  });
});

import { pino } from 'pino';
import { expect, it } from 'vitest';
import { BridgeError } from '../../../src/presence/errors.ts';
import { makeApp } from './appservice-app.ts';

it.each([
  ['upstream_unavailable', 503, []],
  ['store_unavailable', 503, [50]],
] as const)('a stand-in that cannot be made for %s is one for later', async (code, status, levels) => {
  const logged: unknown[] = [];
  const logger = pino({}, { write: (line) => void logged.push(JSON.parse(line).level) });
  const refusal = new BridgeError(code, 'why', { retryAfterMs: 7000 });
  const { call } = await makeApp({ provideStandIn: () => Promise.reject(refusal) }, {}, logger);
  const answer = await call('GET', '/_matrix/app/v1/users/@_other_7:home.test');
  expect(answer).toMatchObject({ status, headers: { 'retry-after': '7' }, body: { errcode: 'M_UNKNOWN' } });
  expect(JSON.stringify(answer.body)).not.toContain('why');
  expect(logged).toEqual(levels);
});

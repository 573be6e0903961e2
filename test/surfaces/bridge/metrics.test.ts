import { afterEach, describe, expect, it } from 'vitest';
import type { TestApp } from '../../helpers/app.ts';
import { makeApp, OPERATOR } from '../../helpers/app.ts';

let app: TestApp | null = null;
afterEach(async () => {
  await app?.http.close();
  app = null;
});

/** The bridge's own metrics, without their descriptions. */
async function own(of: TestApp): Promise<string[]> {
  const { text } = await of.call('GET', '/metrics', OPERATOR);
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('GET /metrics', () => {
  it('tells the operator what the gateway has done', async () => {
    app = await makeApp();
    const reply = await app.call('GET', '/metrics', OPERATOR);
    expect([reply.status, reply.headers['content-type']]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    expect(await own(app)).toEqual([
      'plexibridge_gateway_identifies_total 0',
      'plexibridge_gateway_resumes_total 0',
      'plexibridge_gateway_invalid_presences_total 0',
      'plexibridge_gateway_slow_closes_total 0',
    ]);
  });

  it('is for the operator only, unless it is public', async () => {
    app = await makeApp();
    const una = await app.person({ plexichat_id: '175928847299117063' });
    for (const token of ['', 'x', una.plexichat.token]) {
      expect((await app.call('GET', '/metrics', token)).status).toBe(401);
    }
    await app.http.close();
    app = await makeApp({ metrics: { public: true } });
    expect((await app.http.inject({ method: 'GET', url: '/metrics' })).statusCode).toBe(200);
  });

  it('has no other method', async () => {
    app = await makeApp();
    expect((await app.call('POST', '/metrics', OPERATOR)).status).toBe(405);
  });
});

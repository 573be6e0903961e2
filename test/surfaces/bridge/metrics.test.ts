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
    expect((await own(app)).filter((line) => line.includes('_gateway_'))).toEqual([
      'plexibridge_gateway_identifies_total 0',
      'plexibridge_gateway_resumes_total 0',
      'plexibridge_gateway_invalid_presences_total 0',
      'plexibridge_gateway_slow_closes_total 0',
    ]);
  });

  it('tells how many people are shown as what, and how long changes took that others may see', async () => {
    app = await makeApp();
    await app.http.ready();
    const una = await app.person({ plexichat_id: '175928847299117063' });
    const put = (status: string) =>
      app?.call('PUT', '/api/v1/users/@me/presence', una.plexichat.token, { status });
    const told = async () =>
      (await own(app as TestApp)).filter((line) => /_people_shown|_propagation_seconds_count/.test(line));
    const shown = (dnd: number, count: number) => [
      'plexibridge_people_shown{mode="online"} 0',
      'plexibridge_people_shown{mode="chat"} 0',
      'plexibridge_people_shown{mode="idle"} 0',
      `plexibridge_people_shown{mode="dnd"} ${dnd}`,
      `plexibridge_propagation_seconds_count ${count}`,
    ];
    expect(await told()).toEqual(shown(0, 0));
    await put('dnd');
    expect(await told()).toEqual(shown(1, 1));
    await put('invisible');
    expect(await told()).toEqual(shown(0, 2));
    // Nobody may see that she does this.
    await put('offline');
    await put('invisible');
    expect(await told()).toEqual(shown(0, 2));
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

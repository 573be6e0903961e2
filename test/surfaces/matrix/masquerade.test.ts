import { describe, expect, it } from 'vitest';
import { makeApp } from './matrix-app.ts';

const AS_TOKEN = 'as-token';

async function make() {
  const app = await makeApp({ asToken: AS_TOKEN, writes: { burst: 1, perSecond: 0.001 } });
  return { ...app, standIn: await app.stranger('ann') };
}

function as(userId: string | null, path: string): string {
  return userId === null ? path : `${path}?user_id=${encodeURIComponent(userId)}`;
}

describe('an application service', () => {
  it('speaks for a stand-in, and is not limited', async () => {
    const { call, standIn } = await make();
    const path = as(standIn.id, `v3/presence/${standIn.id}/status`);
    for (const presence of ['online', 'unavailable', 'online']) {
      const reply = await call('PUT', path, { token: AS_TOKEN, body: { presence } });
      expect([reply.statusCode, reply.json()]).toEqual([200, {}]);
    }
    const read = await call('GET', path, { token: AS_TOKEN });
    expect(read.json()).toMatchObject({ presence: 'online' });
    const whoami = await call('GET', as(standIn.id, 'v3/account/whoami'), { token: AS_TOKEN });
    expect(whoami.json()).toMatchObject({ user_id: standIn.id });
  });

  it.each([
    ['nobody', null],
    ['somebody with an account', '@alice:home.test'],
    ['a stand-in of nobody', '@_bridge_nobody:bridge.test'],
    ['no user id at all', 'ann'],
  ])('cannot speak for %s', async (_, userId) => {
    const { call } = await make();
    const reply = await call('GET', as(userId, 'v3/account/whoami'), { token: AS_TOKEN });
    expect([reply.statusCode, reply.json().errcode]).toEqual([403, 'M_FORBIDDEN']);
  });

  it('cannot write for another than it names', async () => {
    const { call, stranger, standIn } = await make();
    const other = await stranger('bob');
    const path = as(standIn.id, `v3/presence/${other.id}/status`);
    const reply = await call('PUT', path, { token: AS_TOKEN, body: { presence: 'online' } });
    expect(reply.statusCode).toBe(403);
  });

  it('is known by its token alone', async () => {
    const { call, standIn } = await make();
    const path = as(standIn.id, 'v3/account/whoami');
    expect((await call('GET', path, { token: `${AS_TOKEN}x` })).statusCode).toBe(401);
    const plain = await makeApp();
    expect((await plain.call('GET', path, { token: AS_TOKEN })).statusCode).toBe(401);
  });
});

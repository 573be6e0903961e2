import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MatrixApp } from '../matrix-app.ts';
import { makeApp, statusPath } from '../matrix-app.ts';
import { bare, device, hold, invite, pass, pathOf, sync, told } from './syncing.ts';

const QUIET = { set_presence: 'offline' };

let app: MatrixApp;
let since: string;

async function begin(options: Parameters<typeof makeApp>[0] = {}): Promise<void> {
  app = await makeApp(options);
  await invite(app, app.alice, app.bob);
  since = (await sync(app, app.alice, QUIET)).next_batch;
}

beforeEach(() => begin());
afterEach(async () => app.app.close());

describe('a long poll', () => {
  it('holds for exactly its timeout and comes to where it was', async () => {
    const held = await hold(app, app.alice, { ...QUIET, since, timeout: 30_000 });
    await pass(app, 29_999);
    expect(held.answered).toBe(false);
    await pass(app, 1);
    expect((await held.reply).json()).toEqual({ next_batch: since });
  });

  it('is answered at once by a change', async () => {
    const held = await hold(app, app.alice, { ...QUIET, since, timeout: 30_000 });
    await pass(app, 1000);
    await app.elsewhere(app.bob, 'online');
    expect(told((await held.reply).json())).toEqual(['bob online']);
  });

  it('is answered at once when there is news already', async () => {
    await app.elsewhere(app.bob, 'online');
    const held = await hold(app, app.alice, { ...QUIET, since, timeout: 30_000 });
    expect(told((await held.reply).json())).toEqual(['bob online']);
  });

  it('tells all who wait, and what time alone does', async () => {
    await app.elsewhere(app.bob, 'online');
    since = (await sync(app, app.alice, { ...QUIET, since })).next_batch;
    const params = { ...QUIET, since, timeout: 60_000 };
    await pass(app, 299_000);
    const waiting = [
      await hold(app, app.alice, params),
      await hold(app, await device(app, app.alice), params),
    ];
    await pass(app, 1000);
    for (const { reply } of waiting) expect(told((await reply).json())).toEqual(['bob unavailable']);
  });

  it('is held no longer than the settings allow', async () => {
    const held = await hold(app, app.alice, { ...QUIET, since, timeout: '9'.repeat(400) });
    await pass(app, 59_999);
    expect(held.answered).toBe(false);
    await pass(app, 1);
    expect(held.answered).toBe(true);
  });

  it.each([{}, { timeout: 0 }, { timeout: '000' }])('does not hold with %j', async (timeout) => {
    expect((await hold(app, app.alice, { ...QUIET, since, ...timeout })).answered).toBe(true);
  });

  it('of a client that keeps syncing costs one request a timeout', async () => {
    let requests = 0;
    for (let elapsed = 0; elapsed < 600_000; requests++) {
      const held = await hold(app, app.alice, { since, timeout: 30_000 });
      if (!held.answered) {
        elapsed += 30_000;
        await pass(app, 30_000);
      }
      since = (await held.reply).json().next_batch;
    }
    // One more: the first sync makes her online, and that is news to her.
    expect(requests).toBe(21);
  });

  it('is not woken for ever by another client of the same device that says otherwise', async () => {
    const clients = [{ set_presence: 'online' }, { set_presence: 'unavailable' }];
    const held = await Promise.all(
      clients.map((says) => hold(app, app.alice, { ...says, since, timeout: 30_000 })),
    );
    let requests = 0;
    for (let round = 0; round < 50; round++) {
      for (const [index, says] of clients.entries()) {
        if (!held[index]?.answered) continue;
        requests++;
        const { next_batch } = (await held[index].reply).json();
        held[index] = await hold(app, app.alice, { ...says, since: next_batch, timeout: 30_000 });
      }
    }
    expect(requests).toBeLessThanOrEqual(3);
  });

  it('gives nothing to a token that was revoked while it was held', async () => {
    const held = await hold(app, app.alice, { ...QUIET, since, timeout: 30_000 });
    await app.tokens.revoke(app.alice.person.id);
    await app.elsewhere(app.bob, 'online');
    const reply = await held.reply;
    expect([reply.statusCode, reply.json()]).toMatchObject([401, { errcode: 'M_UNKNOWN_TOKEN' }]);
  });

  it('is let go when the server closes', async () => {
    const held = await hold(app, app.alice, { since, timeout: 30_000 });
    const again = await hold(app, app.alice, {
      since: (await held.reply).json().next_batch,
      timeout: 30_000,
    });
    expect(again.answered).toBe(false);
    const before = await app.store.get(app.alice.person.id);
    await app.app.close();
    expect((await again.reply).statusCode).toBe(200);
    expect(await app.store.get(app.alice.person.id)).toEqual(before);
  });
});

describe('limits', () => {
  it('refuses more requests of one person than may wait, and has room again', async () => {
    await begin({ sync: { waitersPerPerson: 2 } });
    const params = { ...QUIET, since, timeout: 30_000 };
    const held = [await hold(app, app.alice, params), await hold(app, app.alice, params)];
    const refused = await app.call('GET', pathOf('v3/sync', params), app.alice);
    expect(refused.statusCode).toBe(429);
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.json()).toMatchObject({ errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 1000 });
    await sync(app, app.bob);
    await app.elsewhere(app.bob, 'online');
    for (const { reply } of held) expect((await reply).statusCode).toBe(200);
    expect((await hold(app, app.alice, params)).answered).toBe(true);
  });

  it('forgets the stream that was used least lately, and none that is in use', async () => {
    await begin({ sync: { maxStreams: 2 } });
    const carol = await app.user('carol');
    const bobs = bare((await sync(app, app.bob, QUIET)).next_batch);
    await sync(app, app.alice, { ...QUIET, since });
    await sync(app, carol, QUIET);
    app.clock.advance(1);
    expect(await sync(app, app.alice, { ...QUIET, since })).toEqual({ next_batch: since });
    const held = await hold(app, app.alice, { ...QUIET, since, timeout: 30_000 });
    expect(told(await sync(app, app.bob, { ...QUIET, since: bobs }))).toEqual(['bob offline']);
    const bob = (await sync(app, app.bob, QUIET)).next_batch;
    await hold(app, app.bob, { ...QUIET, since: bob, timeout: 30_000 });
    const refused = await app.call('GET', 'v3/sync', carol);
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '1']);
    expect(held.answered).toBe(false);
  });
});

describe('a client that hangs up', () => {
  it('frees its place at once, and its session ends with the grace', async () => {
    await begin({ sync: { waitersPerPerson: 1 } });
    since = (await sync(app, app.alice)).next_batch;
    await app.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.app.server.address() as AddressInfo;
    const path = `/_matrix/client/${pathOf('v3/sync', { since, timeout: 60_000 })}`;
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${app.alice.token}\r\n\r\n`);

    const quick = () => app.call('GET', pathOf('v3/sync', { ...QUIET, since }), app.alice);
    const until = async (status: number) => {
      while ((await quick()).statusCode !== status) await setImmediate();
    };
    await until(429);
    socket.destroy();
    await until(200);

    await pass(app, 29_999);
    const ask = async () => (await app.call('GET', statusPath(app.alice.id), app.bob)).json().presence;
    expect(await ask()).toBe('online');
    await pass(app, 1);
    expect(await ask()).toBe('offline');
  });
});

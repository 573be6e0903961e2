import { beforeEach, describe, expect, it } from 'vitest';
import type { MatrixApp, TestUser } from '../matrix-app.ts';
import { makeApp, statusPath } from '../matrix-app.ts';
import type { Params } from './syncing.ts';
import { bare, drop, hold, invite, pass, pathOf } from './syncing.ts';

let app: MatrixApp;
beforeEach(async () => {
  app = await makeApp();
  await invite(app, app.alice, app.bob);
});

async function get(path: string, who: TestUser = app.alice, params: Params = {}): Promise<any> {
  return (await app.call('GET', pathOf(path, params), who)).json();
}

async function presenceOf(who: TestUser): Promise<string> {
  return (await get(statusPath(who.id))).presence;
}

describe.each([
  { version: 'api/v1', chat: 'free_for_chat', active: {}, none: {} },
  { version: 'r0', chat: 'online', active: { currently_active: true }, none: {} },
])('$version', ({ version, chat, active }) => {
  it('initialSync shows everybody who is there, and herself', async () => {
    await app.elsewhere(app.bob, 'chat', { kind: 'set', text: 'hi', emoji: null });
    const carol = await app.stranger('carol');
    await invite(app, app.alice, carol);
    const body = await get(`${version}/initialSync`, app.alice, { limit: 5 });
    expect(body).toEqual({
      end: expect.any(String),
      rooms: [],
      presence: [
        { type: 'm.presence', content: { user_id: app.alice.id, presence: 'offline' } },
        {
          type: 'm.presence',
          content: { user_id: app.bob.id, presence: chat, last_active_ago: 0, status_msg: 'hi', ...active },
        },
      ],
      receipts: [],
      account_data: [],
    });
    expect(await presenceOf(app.alice)).toBe('offline');
  });

  it('events go on from there, and hold', async () => {
    const { end } = await get(`${version}/initialSync`);
    const first = await get(`${version}/events`, app.alice, { from: end, timeout: 30_000 });
    expect(first).toEqual({
      start: end,
      end: expect.any(String),
      chunk: [
        {
          type: 'm.presence',
          content: { user_id: app.alice.id, presence: 'online', last_active_ago: 0, ...active },
        },
      ],
    });
    const held = await hold(app, app.alice, { from: first.end, timeout: 30_000 }, `${version}/events`);
    await pass(app, 29_999);
    expect(held.answered).toBe(false);
    await pass(app, 1);
    expect((await held.reply).json()).toEqual({ start: first.end, end: first.end, chunk: [] });
  });

  it('events are woken by a change, removal included', async () => {
    await app.elsewhere(app.bob, 'chat');
    const held = await hold(app, app.alice, { timeout: 5000 }, `${version}/events`);
    await app.elsewhere(app.bob, 'dnd');
    const { chunk, end } = (await held.reply).json();
    const content = { user_id: app.bob.id, presence: 'unavailable', last_active_ago: 0 };
    expect(chunk).toEqual([{ type: 'm.presence', content }]);
    await drop(app, app.alice, app.bob);
    const next = await get(`${version}/events`, app.alice, { from: end });
    expect(next.chunk).toEqual([
      { type: 'm.presence', content: { user_id: app.bob.id, presence: 'offline' } },
    ]);
  });

  it('events without from begin now, wait 30 s, and are being online', async () => {
    const held = await hold(app, app.alice, {}, `${version}/events`);
    expect(await presenceOf(app.alice)).toBe('online');
    await pass(app, 29_999);
    expect(held.answered).toBe(false);
    await pass(app, 1);
    const { start, end, chunk } = (await held.reply).json();
    expect([start, chunk]).toEqual([end, []]);
    await pass(app, 30_000);
    expect(await presenceOf(app.alice)).toBe('offline');
  });

  it('events from a lost position are everything', async () => {
    const from = bare((await get(`${version}/initialSync`, app.bob)).end);
    const { chunk } = await get(`${version}/events`, app.alice, { from });
    expect(chunk.map(({ content }: any) => content.user_id).sort()).toEqual([app.alice.id, app.bob.id]);
  });

  it.each(['from=', 'from=END', 'timeout=-1', 'timeout=soon', 'timeout=1&timeout=2'])(
    'events refuse %s',
    async (query) => {
      const reply = await app.call('GET', `${version}/events?${query}`, app.alice);
      expect([reply.statusCode, reply.json()]).toMatchObject([400, { errcode: 'M_INVALID_PARAM' }]);
      expect(await app.store.get(app.alice.person.id)).toBeNull();
    },
  );

  it.each(['events', 'initialSync'])('%s needs a token', async (path) => {
    expect((await app.call('GET', `${version}/${path}`)).statusCode).toBe(401);
  });
});

it('later versions have neither', async () => {
  for (const path of ['v3/events', 'v3/initialSync', 'unstable/events']) {
    expect((await app.call('GET', path, app.alice)).statusCode).toBe(404);
  }
});

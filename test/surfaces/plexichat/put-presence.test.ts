import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { START } from '../../helpers/clock.ts';
import { ALICE, makeApp } from './plexichat-app.ts';

const before = { custom_status: 'old', custom_emoji: ':old:' };
const cleared = { custom_status: null, custom_emoji: null };

describe('PUT /users/@me/presence', () => {
  it('answers the presence object of the documents', async () => {
    const { call, alice } = await makeApp();
    const body = { status: 'online', custom_status: 'Working on Plexichat', custom_emoji: ':computer:' };
    const reply = await call('PUT', '/users/@me/presence', { token: alice.token, body });
    expect(reply.statusCode).toBe(200);
    expect(reply.headers['content-type']).toBe('application/json');
    expect(reply.body).toBe(
      `{"user_id":"${ALICE}","status":"online","custom_status":"Working on Plexichat",` +
        `"custom_emoji":":computer:","last_seen":${START / 1000}}`,
    );
  });

  it('counts in milliseconds in the server dialect', async () => {
    const { put, clock, alice } = await makeApp({ dialectSetting: 'server' });
    clock.advance(7);
    expect(await put(alice.token, { status: 'idle' })).toMatchObject({ last_seen: START + 7 });
  });

  it.each(['online', 'idle', 'dnd', 'invisible', 'offline'])(
    '%s is shown to herself as it is',
    async (status) => {
      const { put, look, alice } = await makeApp();
      expect(await put(alice.token, { status })).toMatchObject({ status });
      expect(await look(alice.token, '@me')).toMatchObject({ status });
    },
  );

  // The last column: what becomes of a stored text and emoji.
  it.each([
    [{}, before],
    [{ custom_status: null, custom_emoji: null }, before],
    [{ custom_status: '' }, cleared],
    [{ custom_status: '', custom_emoji: null }, cleared],
    [{ custom_status: '', custom_emoji: '' }, cleared],
    [{ custom_status: '', custom_emoji: 'e' }, cleared],
    [{ custom_emoji: '' }, cleared],
    [{ custom_status: null, custom_emoji: '' }, cleared],
    [{ custom_status: 'text' }, { custom_status: 'text', custom_emoji: null }],
    [
      { custom_status: 'text', custom_emoji: null },
      { custom_status: 'text', custom_emoji: null },
    ],
    [
      { custom_status: 'text', custom_emoji: '' },
      { custom_status: 'text', custom_emoji: null },
    ],
    [
      { custom_status: 'text', custom_emoji: 'e' },
      { custom_status: 'text', custom_emoji: 'e' },
    ],
    [{ custom_emoji: 'e' }, { custom_status: 'old', custom_emoji: 'e' }],
    [{ custom_status: '   ' }, { custom_status: '   ', custom_emoji: null }],
  ])('%j', async (said, after) => {
    const { put, look, alice, bob } = await makeApp();
    await put(alice.token, { status: 'online', ...before });
    expect(await put(alice.token, { status: 'idle', ...said })).toMatchObject({ status: 'idle', ...after });
    expect(await look(bob.token, ALICE)).toMatchObject({ status: 'idle', ...after });
  });

  it('takes an emoji before any text', async () => {
    const { put, alice } = await makeApp();
    const reply = await put(alice.token, { status: 'online', custom_emoji: '🔥' });
    expect(reply).toMatchObject({ custom_status: null, custom_emoji: '🔥' });
  });

  it('ignores unknown fields and takes the last of two', async () => {
    const { call, alice } = await makeApp();
    const body = '{"status":"away","status":"idle","activities":[{"type":"playing"}],"foo":1}';
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'application/vnd.x+json',
      'Application/JSON',
    ]) {
      const headers = { 'content-type': type };
      const reply = await call('PUT', '/users/@me/presence', { token: alice.token, body, headers });
      expect(reply.json()).toMatchObject({ status: 'idle' });
    }
  });

  it('takes @me escaped', async () => {
    const { call, alice } = await makeApp();
    const reply = await call('PUT', '/users/%40me/presence', { token: alice.token, body: { status: 'dnd' } });
    expect(reply.json()).toMatchObject({ status: 'dnd' });
  });

  it('answers somebody from elsewhere with her stand-in', async () => {
    const { put, stranger } = await makeApp();
    const { id, token } = await stranger('sue');
    expect(await put(token, { status: 'online' })).toMatchObject({ user_id: id, status: 'online' });
  });

  it('keeps every text verbatim', async () => {
    const { put, look, alice, bob } = await makeApp();
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 128 });
    await fc.assert(
      fc.asyncProperty(text, async (custom_status) => {
        expect(await put(alice.token, { status: 'dnd', custom_status })).toMatchObject({ custom_status });
        expect(await look(bob.token, ALICE)).toMatchObject({ custom_status });
      }),
      { examples: [['\0\n\t\u202e<b>'], ['🔥'.repeat(128)], [' '.repeat(128)]] },
    );
  });
});

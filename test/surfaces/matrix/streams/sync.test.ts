import { beforeEach, describe, expect, it } from 'vitest';
import { alone } from '../../../../src/presence/cluster.ts';
import type { MatrixApp } from '../matrix-app.ts';
import { makeApp } from '../matrix-app.ts';
import { bare, drop, hold, invite, pass, pathOf, sync, told } from './syncing.ts';

/** A sync that says nothing of its user, so that only others move her stream. */
const QUIET = { set_presence: 'offline' };

let app: MatrixApp;
beforeEach(async () => {
  app = await makeApp();
  await invite(app, app.alice, app.bob);
});

async function start(): Promise<string> {
  return (await sync(app, app.alice, QUIET)).next_batch;
}

describe('a first sync', () => {
  it('shows the event as clients expect it, and herself online by her very sync', async () => {
    await app.elsewhere(app.bob, 'online', { kind: 'set', text: 'hi', emoji: ':computer:' });
    await app.people.edit(app.bob.person.id, { displayName: 'Bob', avatarUrl: 'mxc://home.test/b' });
    await pass(app, 1500);
    const body = await sync(app, app.alice);
    expect(body).toEqual({
      next_batch: expect.stringMatching(/^[\w.-]+$/),
      presence: {
        events: [
          {
            type: 'm.presence',
            sender: app.bob.id,
            content: {
              presence: 'online',
              last_active_ago: 1500,
              status_msg: '💻 hi',
              currently_active: true,
              displayname: 'Bob',
              avatar_url: 'mxc://home.test/b',
            },
          },
          {
            type: 'm.presence',
            sender: app.alice.id,
            content: { presence: 'online', last_active_ago: 0, currently_active: true },
          },
        ],
      },
    });
  });

  it.each(['r0', 'v3'])('%s returns at once, whatever its timeout', async (version) => {
    const held = await hold(app, app.alice, { timeout: 30_000, ...QUIET }, `${version}/sync`);
    expect(held.answered).toBe(true);
  });

  it('leaves out who is offline, save with a status text and herself', async () => {
    const carol = await app.stranger('carol');
    await invite(app, app.alice, carol);
    expect(told(await sync(app, app.alice, QUIET))).toEqual(['alice offline']);
    await app.elsewhere(carol, 'offline', { kind: 'set', text: 'gone', emoji: null });
    expect(told(await sync(app, app.alice, QUIET))).toEqual(['alice offline', 'carol offline gone']);
  });

  it('has everybody where the settings say so', async () => {
    app = await makeApp({ sync: { includeOffline: true } });
    await invite(app, app.alice, app.bob);
    expect(told(await sync(app, app.alice, QUIET))).toEqual(['alice offline', 'bob offline']);
  });

  it('has her once when she lists herself, as she sees herself', async () => {
    await invite(app, app.alice, app.alice);
    await app.elsewhere(app.alice, 'online');
    const first = await sync(app, app.alice, QUIET);
    expect(told(first)).toEqual(['alice online']);
    await app.elsewhere(app.alice, 'invisible', { kind: 'set', text: 'mine', emoji: null });
    const next = await sync(app, app.alice, { ...QUIET, since: first.next_batch });
    expect(told(next)).toEqual(['alice offline mine']);
    expect(told(await sync(app, app.alice, QUIET))).toEqual(['alice offline mine']);
  });

  it('knows nobody who may not be seen, and no stranger', async () => {
    const hidden = await app.user('hidden', { visibility: 'nobody' });
    const stranger = await app.user('stranger');
    await invite(app, app.alice, hidden);
    for (const each of [hidden, stranger]) await app.elsewhere(each, 'online');
    expect(told(await sync(app, app.alice, QUIET))).toEqual(['alice offline']);
  });

  it('speaks the words of where it is asked', async () => {
    app = await makeApp({ busy: true });
    await invite(app, app.alice, app.bob);
    await app.elsewhere(app.bob, 'dnd');
    expect(told(await sync(app, app.alice, QUIET))).toContain('bob org.matrix.msc3026.busy');
  });
});

describe('an incremental sync', () => {
  it('tells each change once, offline included, and the newest of several only', async () => {
    let since = await start();
    await app.elsewhere(app.bob, 'online');
    await app.elsewhere(app.bob, 'dnd', { kind: 'set', text: 'deep', emoji: null });
    let body = await sync(app, app.alice, { ...QUIET, since });
    expect(told(body)).toEqual(['bob unavailable deep']);
    since = body.next_batch;
    expect(await sync(app, app.alice, { ...QUIET, since })).toEqual({ next_batch: since });
    await app.elsewhere(app.bob, 'offline');
    body = await sync(app, app.alice, { ...QUIET, since });
    expect(told(body)).toEqual(['bob offline deep']);
  });

  it('tells her of herself', async () => {
    const since = await start();
    await app.elsewhere(app.alice, 'dnd');
    expect(told(await sync(app, app.alice, { ...QUIET, since }))).toEqual(['alice unavailable']);
  });

  it('tells every client of hers, wherever it has come to', async () => {
    const first = await start();
    await app.elsewhere(app.bob, 'online');
    const second = await start();
    await app.elsewhere(app.alice, 'idle');
    expect(told(await sync(app, app.alice, { ...QUIET, since: second }))).toEqual(['alice unavailable']);
    for (let client = 0; client < 2; client++) {
      const all = told(await sync(app, app.alice, { ...QUIET, since: first }));
      expect(all).toEqual(['bob online', 'alice unavailable']);
    }
  });

  it('takes the same position on r0 and v3', async () => {
    const since = await start();
    expect(await sync(app, app.alice, { ...QUIET, since }, 'r0')).toEqual({ next_batch: since });
  });

  it('shows new contacts and takes away those who may not be seen any more', async () => {
    const carol = await app.user('carol', { visibility: 'contacts' });
    for (const each of [app.bob, carol]) await app.elsewhere(each, 'online');
    let since = await start();
    const next = async () => {
      const body = await sync(app, app.alice, { ...QUIET, since });
      since = body.next_batch;
      return told(body);
    };
    await invite(app, app.alice, carol);
    expect(await next()).toEqual([]);
    await invite(app, carol, app.alice);
    expect(await next()).toEqual(['carol online']);
    await drop(app, carol, app.alice);
    expect(await next()).toEqual(['carol offline']);
    await app.contacts.block(app.bob.person.id, app.alice.person.id, true);
    expect(await next()).toEqual(['bob offline']);
    await app.contacts.block(app.bob.person.id, app.alice.person.id, false);
    expect(await next()).toEqual(['bob online']);
    await app.people.edit(app.bob.person.id, { visibility: 'nobody' });
    expect(await next()).toEqual(['bob offline']);
    await app.elsewhere(app.bob, 'dnd');
    expect(await next()).toEqual([]);
    await app.people.edit(app.bob.person.id, { visibility: 'everyone' });
    expect(await next()).toEqual(['bob unavailable']);
    await drop(app, app.alice, app.bob);
    expect(await next()).toEqual(['bob offline']);
  });
});

describe('a full-state sync', () => {
  it('is a first one, plus whatever has changed since', async () => {
    const carol = await app.stranger('carol');
    await invite(app, app.alice, carol);
    await app.elsewhere(app.bob, 'online');
    await app.elsewhere(carol, 'online');
    const since = await start();
    await app.elsewhere(carol, 'offline');
    const held = await hold(app, app.alice, { ...QUIET, since, full_state: true, timeout: 9000 });
    expect(held.answered).toBe(true);
    const body = (await held.reply).json();
    expect(told(body)).toEqual(['alice offline', 'bob online', 'carol offline']);
    const again = await sync(app, app.alice, { ...QUIET, since: body.next_batch, full_state: 'false' });
    expect(again).toEqual({ next_batch: body.next_batch });
  });

  it('returns at once even when a filter leaves nothing', async () => {
    const since = await start();
    const held = await hold(app, app.alice, {
      ...QUIET,
      since,
      full_state: true,
      timeout: 9000,
      filter: '{"presence":{"types":[]}}',
    });
    expect((await held.reply).json()).toEqual({ next_batch: since });
  });
});

describe('a position', () => {
  it('of another person is answered with whatever differs from what she saw', async () => {
    await app.elsewhere(app.bob, 'online');
    const since = (await sync(app, app.bob, QUIET)).next_batch;
    expect(told(await sync(app, app.alice, { ...QUIET, since }))).toEqual(['bob online']);
  });

  it('from before a restart holds while everybody is as they were', async () => {
    await app.elsewhere(app.bob, 'online');
    const since = await start();
    const again = await makeApp({ before: app });
    const held = await hold(again, app.alice, { ...QUIET, since, timeout: 30_000 });
    expect(held.answered).toBe(false);
    await again.elsewhere(app.bob, 'dnd', { kind: 'set', text: 'now', emoji: null });
    expect(told((await held.reply).json())).toEqual(['bob unavailable now']);
  });

  it('from before a restart is answered with what changed meanwhile, also with who left', async () => {
    await app.elsewhere(app.bob, 'online');
    const since = await start();
    await app.elsewhere(app.bob, 'offline');
    const again = await makeApp({ before: app });
    again.clock.advance(5000);
    const body = await sync(again, app.alice, { ...QUIET, since, timeout: 30_000 });
    expect(told(body)).toEqual(['bob offline']);
    const held = await hold(again, app.alice, { ...QUIET, since: body.next_batch, timeout: 30_000 });
    expect(held.answered).toBe(false);
  });

  it('from before a restart holds, and is answered, also when somebody has gone out of sight meanwhile', async () => {
    const carol = await app.user('carol');
    await invite(app, app.alice, carol);
    await app.elsewhere(carol, 'online');
    const since = await start();
    await drop(app, app.alice, carol);
    const again = await makeApp({ before: app });
    const held = await hold(again, app.alice, { ...QUIET, since, timeout: 30_000 });
    expect(held.answered).toBe(false);
    await again.elsewhere(app.bob, 'online');
    expect(told((await held.reply).json())).toEqual(['bob online']);
  });

  it('from before a restart that tells only where, not what, is answered with everything, offline contacts included', async () => {
    const since = bare(await start());
    const again = await makeApp({ before: app });
    again.clock.advance(5000);
    const body = await sync(again, app.alice, { ...QUIET, since, timeout: 30_000 });
    expect(told(body)).toEqual(['alice offline', 'bob offline']);
  });

  it('at which only a part was told is answered with everything by another node', async () => {
    const carol = await app.user('carol');
    await invite(app, app.alice, carol);
    const since = await start();
    await app.elsewhere(app.bob, 'online');
    await app.elsewhere(carol, 'online');
    const filter = JSON.stringify({ presence: { limit: 1 } });
    const part = await sync(app, app.alice, { ...QUIET, since, filter });
    expect(told(part)).toEqual(['bob online']);
    const again = await makeApp({ before: app });
    const rest = await sync(again, app.alice, { ...QUIET, since: part.next_batch });
    expect(told(rest)).toContain('carol online');
  });

  it('is answered with how everybody is now where the node may have missed it', async () => {
    const cluster = { ...alone('deaf'), isCurrent: true };
    const deaf = await makeApp({ before: app, cluster });
    const since = (await sync(deaf, app.alice, QUIET)).next_batch;
    await app.elsewhere(app.bob, 'online');
    expect(told(await sync(deaf, app.alice, { ...QUIET, since }))).toEqual([]);
    cluster.isCurrent = false;
    expect(told(await sync(deaf, app.alice, { ...QUIET, since }))).toEqual(['bob online']);
  });

  it('that her stream has not come to is answered as one of another node', async () => {
    await app.elsewhere(app.bob, 'online');
    const since = (await start()).replace(/\.\d+\./, '.999.');
    expect(told(await sync(app, app.alice, { ...QUIET, since }))).toEqual([]);
    await app.elsewhere(app.bob, 'idle');
    expect(told(await sync(app, app.alice, { ...QUIET, since }))).toEqual(['bob unavailable']);
  });

  it('is kept for as long as the settings say after the last request', async () => {
    const since = bare(await start());
    await pass(app, 599_999);
    expect(told(await sync(app, app.alice, { ...QUIET, since }))).toEqual([]);
    await pass(app, 599_999);
    expect(told(await sync(app, app.alice, { ...QUIET, since }))).toEqual([]);
    await pass(app, 600_000);
    expect(told(await sync(app, app.alice, { ...QUIET, since }))).toHaveLength(2);
  });

  it('is not moved, nor anybody woken, by what is hidden from her', async () => {
    await app.elsewhere(app.bob, 'online');
    await app.elsewhere(app.bob, 'invisible');
    const since = await start();
    const held = await hold(app, app.alice, { ...QUIET, since, timeout: 30_000 });
    await app.elsewhere(app.bob, 'invisible', { kind: 'set', text: 'secret', emoji: null });
    await sync(app, app.bob);
    await app.elsewhere(app.bob, 'offline');
    await app.elsewhere(await app.user('stranger'), 'online');
    await pass(app, 29_999);
    expect(held.answered).toBe(false);
    await pass(app, 1);
    expect((await held.reply).json()).toEqual({ next_batch: since });
  });
});

describe('a refused sync', () => {
  const ROWS: [query: string, errcode: string][] = [
    ['since=', 'M_INVALID_PARAM'],
    ['since=s72594_4483_1934', 'M_INVALID_PARAM'],
    ['since=abcdefghijkl', 'M_INVALID_PARAM'],
    ['since=abcdefghijkl.-1', 'M_INVALID_PARAM'],
    ['timeout=', 'M_INVALID_PARAM'],
    ['timeout=-1', 'M_INVALID_PARAM'],
    ['timeout=1.5', 'M_INVALID_PARAM'],
    ['timeout=soon', 'M_INVALID_PARAM'],
    ['timeout=1&timeout=2', 'M_INVALID_PARAM'],
    ['set_presence=', 'M_INVALID_PARAM'],
    ['set_presence=busy', 'M_INVALID_PARAM'],
    ['set_presence=org.matrix.msc3026.busy', 'M_INVALID_PARAM'],
    ['set_presence=free_for_chat', 'M_INVALID_PARAM'],
    ['set_presence=Online', 'M_INVALID_PARAM'],
    ['full_state=', 'M_INVALID_PARAM'],
    ['full_state=1', 'M_INVALID_PARAM'],
    ['full_state=True', 'M_INVALID_PARAM'],
    ['filter=', 'M_INVALID_PARAM'],
    ['filter=0', 'M_INVALID_PARAM'],
    ['filter={', 'M_INVALID_PARAM'],
    ['filter={"presence":5}', 'M_BAD_JSON'],
    ['filter={"presence":{"types":"m.presence"}}', 'M_BAD_JSON'],
  ];
  it.each(ROWS)('%s is %s', async (query, errcode) => {
    for (const version of ['r0', 'v3']) {
      const reply = await app.call('GET', `${version}/sync?${encodeURI(query)}`, app.alice);
      expect([reply.statusCode, reply.json()]).toMatchObject([400, { errcode }]);
      expect(await app.store.get(app.alice.person.id)).toBeNull();
    }
  });

  it('needs a token', async () => {
    expect((await app.call('GET', 'v3/sync')).statusCode).toBe(401);
  });

  it('is none of a version that has no sync, and no other method', async () => {
    for (const version of ['api/v1', 'unstable']) {
      expect((await app.call('GET', `${version}/sync`, app.alice)).statusCode).toBe(404);
    }
    expect((await app.call('POST', 'v3/sync', app.alice)).statusCode).toBe(405);
  });
});

describe('parameters that mean nothing here', () => {
  it.each(['_cacheBuster=5', 'org.matrix.msc4222.use_state_after=true', 'presence=offline', 'presence=busy'])(
    '%s',
    async (query) => {
      const reply = await app.call('GET', `v3/sync?${query}`, app.alice);
      expect(told(reply.json())).toEqual(['alice online']);
    },
  );
});

describe('filters', () => {
  const presence = (filter: object) => JSON.stringify({ presence: filter });

  it('choose people and hold for those alone', async () => {
    const carol = await app.user('carol');
    await invite(app, app.alice, carol);
    const filter = presence({ senders: [carol.id] });
    const first = await sync(app, app.alice, { ...QUIET, filter });
    expect(told(first)).toEqual([]);
    const since = first.next_batch;
    const held = await hold(app, app.alice, { ...QUIET, since, filter, timeout: 30_000 });
    await app.elsewhere(app.bob, 'online');
    await pass(app, 10_000);
    expect(held.answered).toBe(false);
    await app.elsewhere(carol, 'online');
    expect(told((await held.reply).json())).toEqual(['carol online']);
  });

  it('that want nothing are never woken', async () => {
    const since = await start();
    const filter = presence({ types: [] });
    const held = await hold(app, app.alice, { ...QUIET, since, filter, timeout: 5000 });
    await app.elsewhere(app.bob, 'online');
    await pass(app, 4999);
    expect(held.answered).toBe(false);
    await pass(app, 1);
    expect(held.answered).toBe(true);
  });

  it('with a limit give the rest next, until all is told', async () => {
    for (const name of ['carol', 'dora']) {
      const user = await app.user(name);
      await invite(app, app.alice, user);
      await app.elsewhere(user, 'online');
    }
    const filter = presence({ limit: 1 });
    const seen = [];
    let params: Record<string, string> = { ...QUIET, filter };
    for (let round = 0; round < 5; round++) {
      const body = await sync(app, app.alice, params);
      seen.push(told(body));
      params = { ...params, since: body.next_batch };
    }
    expect(seen).toEqual([['alice offline'], ['bob offline'], ['carol online'], ['dora online'], []]);
  });

  it('are taken by their id', async () => {
    const body = { presence: { types: ['m.pres*'], not_senders: [app.alice.id] } };
    const posted = await app.call('POST', `v3/user/${app.alice.id}/filter`, { ...app.alice, body });
    const filter = posted.json().filter_id;
    await app.elsewhere(app.bob, 'online');
    expect(told(await sync(app, app.alice, { ...QUIET, filter }))).toEqual(['bob online']);
    expect((await app.call('GET', pathOf('r0/sync', { filter }), app.bob)).statusCode).toBe(200);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TestApp, TestPerson } from '../../helpers/app.ts';
import { makeApp, OPERATOR } from '../../helpers/app.ts';
import { EventStream } from '../../helpers/event-stream.ts';

const HOUR = 3_600_000;
const PAGE = { 'x-plexibridge-page': '1' };

let app: TestApp;
let una: TestPerson;

beforeEach(async () => {
  app = await makeApp({ limits: { failed_auth: { burst: 1e6, per_second: 1 } } });
  una = await app.person({ plexichat_id: '175928847299117063', matrix_id: '@una:localhost' });
});
afterEach(() => app.http.close());

async function ask(
  method: 'GET' | 'POST' | 'DELETE' | 'PUT',
  url: string,
  headers: Record<string, string> = {},
  payload?: object,
) {
  const reply = await app.http.inject({ method, url, headers, ...(payload && { payload }) });
  return {
    status: reply.statusCode,
    headers: reply.headers,
    body: reply.body,
    json: () => reply.json(),
  };
}

/** Signs in; the result is the header of what follows. */
async function signIn(token = OPERATOR): Promise<{ cookie: string }> {
  const reply = await ask('POST', '/bridge/v1/session', PAGE, { token });
  expect(reply.status).toBe(201);
  return { cookie: String(reply.headers['set-cookie']).split(';')[0]! };
}

function be(mode: string, more: object = {}, who = una) {
  return app.call('PUT', '/bridge/v1/me/mode', who.matrix.token, { mode, ...more });
}

const overview = async () => (await app.call('GET', '/bridge/v1/overview', OPERATOR)).body;

describe('signing in', () => {
  it('gives a cookie that scripts and other sites cannot use', async () => {
    const reply = await ask('POST', '/bridge/v1/session', PAGE, { token: OPERATOR });
    expect(reply.headers['set-cookie']).toMatch(
      /^plexibridge_operator=[\w-]{43}; Path=\/bridge; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    );
    expect(reply.json()).toEqual({ ends_at: app.clock.now() + 12 * HOUR });
    expect(reply.body).not.toContain(String(reply.headers['set-cookie']).slice(21, 64));
  });

  it('opens what the token opens, until it ends', async () => {
    const cookie = await signIn();
    expect((await ask('GET', '/bridge/v1/people', cookie)).status).toBe(200);
    app.clock.advance(12 * HOUR - 1);
    expect((await ask('GET', '/bridge/v1/people', cookie)).status).toBe(200);
    app.clock.advance(1);
    expect((await ask('GET', '/bridge/v1/people', cookie)).status).toBe(401);
  });

  it('is undone by signing out', async () => {
    const cookie = await signIn();
    const out = await ask('DELETE', '/bridge/v1/session', { ...cookie, ...PAGE });
    expect([out.status, out.headers['set-cookie']]).toEqual([
      204,
      expect.stringContaining('=; Path=/bridge; Max-Age=0;'),
    ]);
    expect((await ask('GET', '/bridge/v1/people', cookie)).status).toBe(401);
  });

  it('takes nothing but the operator token', async () => {
    for (const token of ['wrong', una.matrix.token]) {
      const reply = await ask('POST', '/bridge/v1/session', PAGE, { token });
      expect([reply.status, reply.headers['set-cookie']]).toEqual([401, undefined]);
    }
    expect((await ask('GET', '/bridge/v1/people', { cookie: 'plexibridge_operator=x' })).status).toBe(401);
  });

  it('does not make a session count where a token is given', async () => {
    const cookie = await signIn();
    expect((await ask('GET', '/bridge/v1/people', { ...cookie, authorization: 'Bearer wrong' })).status).toBe(
      401,
    );
  });

  it('lets no page of another site act (CSRF)', async () => {
    const cookie = await signIn();
    const body = { matrix_id: '@new:localhost' };
    const elsewhere = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    const post = async (headers: object) =>
      (await ask('POST', '/bridge/v1/people', { ...cookie, ...headers }, body)).status;
    expect(await post({})).toBe(403);
    expect(await post({ ...PAGE, origin: elsewhere.origin })).toBe(403);
    expect(await post({ ...PAGE, origin: 'null' })).toBe(403);
    expect(await post({ ...PAGE, 'sec-fetch-site': 'same-site' })).toBe(403);
    expect(
      (await ask('GET', '/bridge/v1/people', { ...cookie, 'sec-fetch-site': 'cross-site' })).status,
    ).toBe(403);
    expect((await ask('POST', '/bridge/v1/session', {}, { token: OPERATOR })).status).toBe(403);
    expect(
      (await ask('POST', '/bridge/v1/session', { ...PAGE, ...elsewhere }, { token: OPERATOR })).status,
    ).toBe(403);
    expect((await ask('DELETE', '/bridge/v1/session', cookie)).status).toBe(403);
    expect((await app.call('GET', '/bridge/v1/people', OPERATOR)).body.people).toHaveLength(1);
    expect(await post({ ...PAGE, origin: 'http://localhost:80', host: 'localhost:80' })).toBe(403);
    expect(
      await post({ ...PAGE, origin: 'http://localhost', host: 'localhost', 'sec-fetch-site': 'same-origin' }),
    ).toBe(201);
  });

  it('keeps a bounded number of sessions, the newest ones', async () => {
    const first = await signIn();
    let last = first;
    for (let i = 0; i < 100; i++) last = await signIn();
    expect((await ask('GET', '/bridge/v1/people', first)).status).toBe(401);
    expect((await ask('GET', '/bridge/v1/people', last)).status).toBe(200);
  });
});

describe('the overview', () => {
  it('counts what is shown, and whoever hides as nobody', async () => {
    expect((await overview()).shown).toEqual({ online: 0, chat: 0, idle: 0, dnd: 0 });
    await be('dnd');
    expect((await overview()).shown).toEqual({ online: 0, chat: 0, idle: 0, dnd: 1 });
    await be('online');
    expect((await overview()).shown).toEqual({ online: 1, chat: 0, idle: 0, dnd: 0 });
    app.clock.advance(300_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect((await overview()).shown).toEqual({ online: 0, chat: 0, idle: 1, dnd: 0 });
    await be('invisible');
    expect((await overview()).shown).toEqual({ online: 0, chat: 0, idle: 0, dnd: 0 });
  });

  it('tells how long changes took, of those that were seen', async () => {
    await be('dnd');
    await be('dnd');
    await be('invisible');
    const before = (await overview()).propagation;
    expect(before).toEqual({ p50_ms: 0, p99_ms: 0, changes: 2 });
    await be('invisible', { text: 'x' });
    expect((await overview()).propagation).toEqual(before);
  });

  it('keeps samples of the last hours', async () => {
    await be('online');
    app.clock.advance(60_000);
    const { body } = await app.call('GET', '/bridge/v1/overview/history', OPERATOR);
    expect(body.samples.slice(-2)).toEqual([
      { at: app.clock.now() - 30_000, online: 1, chat: 0, idle: 0, dnd: 0 },
      { at: app.clock.now(), online: 1, chat: 0, idle: 0, dnd: 0 },
    ]);
    app.clock.advance(24 * HOUR);
    expect((await app.call('GET', '/bridge/v1/overview/history', OPERATOR)).body.samples).toHaveLength(720);
  });

  it('counts those who were there when it began', async () => {
    await be('dnd');
    const again = await makeApp({}, { store: app.store });
    await again.http.ready();
    await new Promise((resolve) => setImmediate(resolve));
    expect((await again.call('GET', '/bridge/v1/overview', OPERATOR)).body.shown.dnd).toBe(1);
    await again.http.close();
  });

  it('lists links that failed, the newest first', async () => {
    const link = (body: object, token = OPERATOR) => app.call('POST', '/bridge/v1/links', token, body);
    await link({ plexichat_id: '175928847299117063', matrix_id: '@nobody:localhost' });
    app.clock.advance(1000);
    await link({ plexichat_token: 'x', matrix_token: 'y' });
    expect((await overview()).failed_links).toEqual([
      { at: app.clock.now(), what: 'link', code: 'unknown_token', message: 'The token is not live' },
      {
        at: app.clock.now() - 1000,
        what: 'link',
        code: 'not_found',
        message: '@nobody:localhost belongs to nobody',
      },
    ]);
    for (let i = 0; i < 60; i++) await link({ plexichat_token: 'x', matrix_token: 'y' });
    expect((await overview()).failed_links).toHaveLength(50);
  });

  it('is for the operator', async () => {
    for (const path of ['/overview', '/overview/history', '/events']) {
      expect((await app.call('GET', `/bridge/v1${path}`, una.matrix.token)).status).toBe(401);
    }
  });
});

describe('searching people', () => {
  const search = async (query: string) =>
    (await app.call('GET', `/bridge/v1/people?${query}`, OPERATOR)).body as {
      people: any[];
      next_cursor: string | null;
    };

  it('finds by any whole id, and by part of a name', async () => {
    for (const name of ['Ann', 'Joanna', 'Bob']) {
      const body = { matrix_id: `@${name.toLowerCase()}:localhost`, display_name: name };
      await app.call('POST', '/bridge/v1/people', OPERATOR, body);
    }
    const names = async (text: string) =>
      (await search(new URLSearchParams({ search: text }).toString())).people.map(
        (each) => each.display_name,
      );
    expect((await names('AnN')).sort()).toEqual(['Ann', 'Joanna']);
    expect(await names('@bob:localhost')).toEqual(['Bob']);
    expect(await names('nobody at all')).toEqual([]);
    expect((await search(`search=${una.id}`)).people.map((each) => each.id)).toEqual([una.id]);
  });

  it('goes on where it stopped', async () => {
    for (let i = 0; i < 5; i++) {
      await app.call('POST', '/bridge/v1/people', OPERATOR, {
        matrix_id: `@p${i}:localhost`,
        display_name: `Ann ${i}`,
      });
    }
    const found: string[] = [];
    let cursor = '';
    do {
      const page = await search(`search=ann&limit=2${cursor}`);
      expect(page.people.length).toBeLessThanOrEqual(2);
      found.push(...page.people.map((each) => each.display_name));
      cursor = page.next_cursor === null ? '' : `&cursor=${page.next_cursor}`;
    } while (cursor !== '');
    expect(found.sort()).toEqual(['Ann 0', 'Ann 1', 'Ann 2', 'Ann 3', 'Ann 4']);
  });
});

describe('events', () => {
  const streams: EventStream[] = [];
  let url: string;
  beforeEach(async () => {
    url = `${await app.http.listen({ host: '127.0.0.1', port: 0 })}/bridge/v1/events`;
  });
  afterEach(() => streams.splice(0).forEach((stream) => stream.close()));

  async function listen(
    query = '',
    headers: Record<string, string> = { authorization: `Bearer ${OPERATOR}` },
  ) {
    const stream = await EventStream.open(url + query, headers);
    streams.push(stream);
    return stream;
  }

  it('begin with the overview, and tell it again when it differs', async () => {
    const stream = await listen();
    await stream.until(() => stream.told('overview').length === 1);
    await be('dnd');
    app.clock.advance(200);
    await stream.until(() => stream.told('overview').length === 2);
    expect(stream.told('overview')[1].shown.dnd).toBe(1);
    // Nothing new, nothing told.
    await be('dnd');
    app.clock.advance(10_000);
    const late = await listen();
    await late.until(() => late.told('overview').length === 1);
    expect(stream.told('overview')).toHaveLength(2);
  });

  it('tell each listener what she has missed, however many come meanwhile', async () => {
    const first = await listen();
    await first.until(() => first.told('overview').length === 1);
    await be('dnd');
    const second = await listen();
    await second.until(() => second.told('overview').length === 1);
    app.clock.advance(200);
    await first.until(() => first.told('overview').length === 2);
  });

  it('tell of one person, as she is shown', async () => {
    const max = await app.person({ matrix_id: '@max:localhost' });
    const stream = await listen('?person=@una:localhost');
    await stream.until(() => stream.told('person').length === 1);
    await be('online', {}, max);
    await be('dnd', { text: 'focus' });
    app.clock.advance(200);
    await stream.until(() => stream.told('person').length === 2);
    const shown = {
      id: una.id,
      mode: 'dnd',
      text: 'focus',
      emoji: null,
      last_active_at: app.clock.now() - 200,
    };
    expect(stream.told('person')[1]).toEqual(shown);
    await be('invisible', { text: 'hidden' });
    app.clock.advance(200);
    await stream.until(() => stream.told('person').length === 3);
    expect(stream.told('person')[2]).toEqual({
      ...shown,
      mode: 'offline',
      last_active_at: app.clock.now() - 200,
    });
  });

  it('show that the line is there', async () => {
    const stream = await listen();
    await stream.until(() => stream.told('overview').length === 1);
    app.clock.advance(16_000);
    await stream.until(() => stream.text.endsWith('\n\n:\n\n'));
  });

  it('end with the session', async () => {
    const cookie = await signIn();
    const stream = await listen('', cookie);
    await stream.until(() => stream.told('overview').length === 1);
    await ask('DELETE', '/bridge/v1/session', { ...cookie, ...PAGE });
    app.clock.advance(2000);
    await stream.until(() => stream.ended);
  });

  it('are for so many listeners, and room is made by whoever goes', async () => {
    for (let i = 0; i < 50; i++) await listen();
    expect((await listen()).status).toBe(503);
    streams[0]!.close();
    const deadline = Date.now() + 5000;
    let status = 503;
    while (status !== 200 && Date.now() < deadline) status = (await listen()).status;
    expect(status).toBe(200);
  });

  it('of an unknown person are refused', async () => {
    expect((await listen('?person=nobody')).status).toBe(404);
  });

  it('do not hold up the end of the bridge', async () => {
    const stream = await listen();
    await stream.until(() => stream.told('overview').length === 1);
    await app.http.close();
    await stream.until(() => stream.ended);
  });
});

describe('the pages', () => {
  it.each(['/bridge/', '/bridge', '/bridge/me'])('%s allows itself nothing from elsewhere', async (path) => {
    const { status, headers, body } = await ask('GET', path);
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none'; script-src 'self' 'sha256-[^']+'; style-src 'self';/);
    expect(policy).not.toContain('unsafe');
    expect(policy).toContain("frame-ancestors 'none'");
    expect(body).not.toMatch(/https?:\/\//);
    for (const [, asset] of body.matchAll(/"(\/bridge\/assets\/[^"]+)"/g)) {
      expect([asset, (await ask('GET', asset!)).status]).toEqual([asset, 200]);
    }
  });

  it('are sent once', async () => {
    const { headers } = await ask('GET', '/bridge/assets/style.css');
    const again = await ask('GET', '/bridge/assets/style.css', { 'if-none-match': String(headers['etag']) });
    expect([again.status, again.body]).toEqual([304, '']);
  });

  it('are these files and no others', async () => {
    for (const path of ['/bridge/assets/..%2fsurface.ts', '/bridge/assets/surface.ts', '/bridge/assets/']) {
      expect((await ask('GET', path)).status).toBe(404);
    }
  });

  it('show the documents', async () => {
    const { status, headers } = await ask('GET', '/bridge/docs');
    expect(status).toBe(200);
    expect(headers['content-security-policy']).not.toContain('unsafe');
    const { body } = await ask('GET', '/bridge/docs/static/swagger-initializer.js');
    for (const name of ['plexichat', 'matrix', 'bridge'])
      expect(body).toContain(`/bridge/openapi/${name}.json`);
    expect((await ask('GET', '/bridge/openapi/nothing.json')).status).toBe(404);
  });
});

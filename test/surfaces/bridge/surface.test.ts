import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Metrics } from '../../../src/metrics/metrics.ts';
import type { PersonId } from '../../../src/presence/identity.ts';
import { createServer } from '../../../src/surfaces/http/server.ts';
import type { ServerTokens } from '../../../src/surfaces/bridge/context.ts';
import type { ServerHealth } from '../../../src/surfaces/bridge/server-health.ts';
import { bridgeRefusal } from '../../../src/surfaces/bridge/errors.ts';
import { bridgeSurface } from '../../../src/surfaces/bridge/surface.ts';
import { rich } from '../../presence/dialects.ts';
import type { TestBridge } from '../../helpers/bridge.ts';
import { countingSecrets, fakeNetwork, makeBridge } from '../../helpers/bridge.ts';
import { START } from '../../helpers/clock.ts';
import { silentLogger } from '../../helpers/logger.ts';

const OPERATOR = 'operator-token-of-this-test';
const MAX_CONTACTS = 3;
const left = fakeNetwork('left');
const right = fakeNetwork('right', 'derived');

let app: FastifyInstance;
let bridge: TestBridge;
let probe: () => Promise<unknown>;
/** Tokens that people gave to the server on the left. */
let given: Map<PersonId, string>;
let health: ServerHealth[];

beforeEach(async () => {
  bridge = makeBridge({
    networks: [left, right],
    writes: { burst: 3, perSecond: 1 },
    failures: { burst: 2, perSecond: 0.5 },
    maxContacts: MAX_CONTACTS,
  });
  const secrets = countingSecrets();
  probe = () => Promise.resolve();
  given = new Map();
  health = [];
  const held: ServerTokens = {
    give: ({ id }, token) => Promise.resolve(void given.set(id, token)),
    revoke: (id) => Promise.resolve(void given.delete(id)),
    has: (id) => Promise.resolve(given.has(id)),
  };
  app = createServer({
    logger: silentLogger,
    bodyLimit: 16_384,
    trustedProxies: [],
    refuse: (_url, error) => bridgeRefusal(error),
  });
  await app.register(bridgeSurface, {
    ...bridge,
    networks: [left, right],
    secrets,
    directory: bridge.store,
    audit: bridge.store.audit,
    relations: bridge.store.relations,
    surfaces: [{ surface: 'loud', dialect: rich }],
    defaultVisibility: 'everyone',
    operatorTokenHash: secrets.hash(OPERATOR),
    serverTokens: new Map([[left.name, held]]),
    servers: () => [...health],
    metrics: new Metrics({ process: false }),
    metricsPublic: false,
    probe: () => probe(),
    version: '0.0.0',
    documents: new Map(),
  });
});

afterEach(() => app.close());

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

async function call(method: Method, url: string, body?: unknown, token: string | null = OPERATOR) {
  const options: InjectOptions = { method, url, headers: token ? { authorization: `Bearer ${token}` } : {} };
  if (body !== undefined) options.payload = typeof body === 'string' ? body : JSON.stringify(body);
  const reply = await app.inject(options);
  return {
    status: reply.statusCode,
    headers: reply.headers,
    body: reply.body === '' ? null : reply.json<Record<string, any>>(),
  };
}

async function makePerson(ids: Record<string, string>) {
  const { status, body } = await call('POST', '/bridge/v1/people', ids);
  expect(status).toBe(201);
  return body!;
}

async function makeToken(id: string, network: string): Promise<string> {
  const { body } = await call('POST', `/bridge/v1/people/${id}/tokens`, { network });
  return String(body?.['token']);
}

describe('people', () => {
  it('fills in the stand-ins', async () => {
    expect(await makePerson({ left_id: '7' })).toMatchObject({
      left_id: '7',
      right_id: 'right-of-7',
      linked: false,
      stand_ins: ['right'],
      visibility: 'everyone',
    });
    expect(await makePerson({ right_id: 'r' })).toMatchObject({ left_id: 'left-1', stand_ins: ['left'] });
    expect(await makePerson({ left_id: 'a', right_id: 'b', display_name: 'Both' })).toMatchObject({
      linked: true,
      stand_ins: [],
      display_name: 'Both',
    });
  });

  it.each([
    ['no id', {}, 400, 'bad_parameter'],
    ['an empty id', { left_id: '' }, 400, 'bad_parameter'],
    ['a stand-in', { left_id: 'left-1' }, 400, 'bad_parameter'],
    ['an id of the wrong type', { left_id: 7 }, 400, 'bad_json'],
    ['a lone surrogate', { left_id: '7', display_name: 'x\ud800' }, 400, 'bad_json'],
    ['an unknown visibility', { left_id: '7', visibility: 'friends' }, 400, 'bad_json'],
    ['no JSON', '{', 400, 'not_json'],
    ['a body that is too large', `"${'x'.repeat(17_000)}"`, 413, 'body_too_large'],
  ])('refuses %s', async (_name, body, status, code) => {
    const answer = await call('POST', '/bridge/v1/people', body);
    expect([answer.status, answer.body?.['error'].code]).toEqual([status, code]);
    expect((await call('GET', '/bridge/v1/people')).body?.['people']).toEqual([]);
  });

  it('refuses an id that is taken', async () => {
    await makePerson({ left_id: '7' });
    expect((await call('POST', '/bridge/v1/people', { left_id: '7' })).status).toBe(409);
  });

  it('finds a person by any of her ids', async () => {
    const { id } = await makePerson({ left_id: '7' });
    for (const name of [id, '7', 'right-of-7']) {
      expect((await call('GET', `/bridge/v1/people/${name}`)).body?.['id']).toBe(id);
    }
    expect((await call('GET', '/bridge/v1/people/nobody')).status).toBe(404);
  });

  it('pages through all of them once', async () => {
    for (let i = 0; i < 5; i++) await makePerson({ left_id: `p${i}` });
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body }: { body: any } = await call('GET', `/bridge/v1/people?limit=2&cursor=${cursor}`);
      seen.push(...body.people.map((person: any) => person.left_id));
      cursor = body.next_cursor;
    }
    expect(seen.sort()).toEqual(['p0', 'p1', 'p2', 'p3', 'p4']);
    expect((await call('GET', '/bridge/v1/people?limit=0')).status).toBe(400);
  });

  it('edits what is given, clears with null', async () => {
    const { id } = await makePerson({ left_id: '7', display_name: 'Ann', avatar_url: 'mxc://a' });
    const url = `/bridge/v1/people/${id}`;
    expect((await call('PATCH', url, { display_name: null, visibility: 'nobody' })).body).toMatchObject({
      display_name: null,
      avatar_url: 'mxc://a',
      visibility: 'nobody',
    });
  });

  it('forgets a person and her tokens', async () => {
    const { id } = await makePerson({ left_id: '7' });
    const token = await makeToken(id, 'left');
    expect((await call('GET', '/bridge/v1/me/mode', undefined, token)).status).toBe(200);
    expect((await call('DELETE', `/bridge/v1/people/${id}`)).status).toBe(204);
    expect((await call('GET', `/bridge/v1/people/${id}`)).status).toBe(404);
    expect((await call('GET', '/bridge/v1/me/mode', undefined, token)).status).toBe(401);
  });
});

describe('authentication', () => {
  it.each([
    ['GET', '/bridge/v1/people'],
    ['POST', '/bridge/v1/people'],
    ['DELETE', '/bridge/v1/links/x'],
    ['GET', '/bridge/v1/me/mode'],
  ] as const)('%s %s needs a token', async (method, url) => {
    const none = await call(method, url, undefined, null);
    expect([none.status, none.body?.['error'].code]).toEqual([401, 'missing_token']);
    const wrong = await call(method, url, undefined, 'wrong');
    expect([wrong.status, wrong.body?.['error'].code]).toEqual([401, 'unknown_token']);
  });

  it('does not let a user act as the operator', async () => {
    const { id } = await makePerson({ left_id: '7' });
    const token = await makeToken(id, 'left');
    expect((await call('GET', '/bridge/v1/people', undefined, token)).status).toBe(401);
  });

  it('limits failures by address and never a live token', async () => {
    for (let i = 0; i < 2; i++) await call('GET', '/bridge/v1/people', undefined, 'wrong');
    const limited = await call('GET', '/bridge/v1/people', undefined, 'wrong');
    expect([limited.status, limited.headers['retry-after']]).toEqual([429, '2']);
    expect((await call('GET', '/bridge/v1/people')).status).toBe(200);
    bridge.clock.advance(2000);
    expect((await call('GET', '/bridge/v1/people', undefined, 'wrong')).status).toBe(401);
  });
});

describe('tokens', () => {
  it('are listed without their text and revoked at once, by text, id or all', async () => {
    const { id } = await makePerson({ left_id: '7' });
    const url = `/bridge/v1/people/${id}/tokens`;
    const works = async (token: string) =>
      (await call('GET', '/bridge/v1/me/mode', undefined, token)).status === 200;
    const [a, b, c, d] = [
      await makeToken(id, 'left'),
      await makeToken(id, 'right'),
      await makeToken(id, 'left'),
      await makeToken(id, 'left'),
    ];
    expect(await works(a)).toBe(true);
    const listed = await call('GET', url);
    expect(listed.body?.['tokens']).toHaveLength(4);
    expect(JSON.stringify(listed.body)).not.toContain(a);

    expect((await call('DELETE', url, { token: a })).status).toBe(204);
    expect([await works(a), await works(b)]).toEqual([false, true]);
    expect((await call('DELETE', `${url}/${listed.body?.['tokens'][1].token_id}`)).status).toBe(204);
    expect([await works(b), await works(c)]).toEqual([false, true]);
    expect((await call('DELETE', `${url}/${b}`)).status).toBe(404);
    expect((await call('DELETE', url, { tokenid: 'misspelt' })).status).toBe(400);
    expect(await works(c)).toBe(true);
    expect((await call('DELETE', url)).status).toBe(204);
    expect([await works(c), await works(d)]).toEqual([false, false]);
  });

  it('refuses an unknown network', async () => {
    const { id } = await makePerson({ left_id: '7' });
    expect((await call('POST', `/bridge/v1/people/${id}/tokens`, { network: 'up' })).status).toBe(400);
  });
});

describe('links', () => {
  it('an operator links by ids and unlinks by either body or id', async () => {
    await makePerson({ left_id: 'l' });
    await makePerson({ right_id: 'r' });
    const body = { left_id: 'l', right_id: 'r' };
    const linked = await call('POST', '/bridge/v1/links', body);
    expect([linked.status, linked.body?.['linked']]).toEqual([201, true]);
    expect((await call('POST', '/bridge/v1/links', body)).status).toBe(200);
    expect((await call('GET', '/bridge/v1/people/left-1')).body?.['id']).toBe(linked.body?.['id']);

    const parts = await call('DELETE', '/bridge/v1/links', body);
    expect(parts.body?.['people'].map((person: any) => [person.left_id, person.right_id])).toEqual([
      ['l', 'right-of-l'],
      ['left-1', 'r'],
    ]);
    expect((await call('DELETE', '/bridge/v1/links', body)).status).toBe(404);
    await call('POST', '/bridge/v1/links', body);
    expect((await call('DELETE', '/bridge/v1/links/right-of-l')).status).toBe(200);
    expect((await call('DELETE', '/bridge/v1/links/l')).status).toBe(409);
  });

  it('a user links herself with a token of each network', async () => {
    const l = await makePerson({ left_id: 'l' });
    const r = await makePerson({ right_id: 'r' });
    const body = {
      left_token: await makeToken(l['id'], 'left'),
      right_token: await makeToken(r['id'], 'right'),
    };
    expect((await call('POST', '/bridge/v1/links', body, null)).body).toMatchObject({ linked: true });
    expect((await call('GET', '/bridge/v1/me/mode', undefined, body.right_token)).status).toBe(200);
    expect((await call('DELETE', '/bridge/v1/links', body, null)).status).toBe(200);
    expect((await call('POST', '/bridge/v1/links', body, null)).status).toBe(429);
  });

  it('refuses half a proof', async () => {
    const l = await makePerson({ left_id: 'l' });
    await makePerson({ right_id: 'r' });
    const token = await makeToken(l['id'], 'left');
    const standIn = await makeToken(l['id'], 'right');
    const asked: [unknown, string | null][] = [
      [{ left_token: token }, null],
      [{ left_token: token, right_id: 'r' }, null],
      [{ left_token: token, right_token: token }, null],
      [{ left_token: token, right_token: standIn }, null],
      [{ left_id: 'l', right_id: 'r' }, token],
      [{ left_id: 'l' }, OPERATOR],
      [{ left_id: 'l', right_id: 'nobody' }, OPERATOR],
    ];
    const statuses = [];
    for (const [body, bearer] of asked) {
      statuses.push((await call('POST', '/bridge/v1/links', body, bearer)).status);
      bridge.clock.advance(10_000);
    }
    expect(statuses).toEqual([400, 400, 401, 400, 401, 400, 404]);
  });
});

describe('blocks', () => {
  it('are put and lifted, both idempotent', async () => {
    const a = await makePerson({ left_id: 'a' });
    const b = await makePerson({ left_id: 'b' });
    const url = `/bridge/v1/people/${a['id']}/blocks/b`;
    const hidden = async () => {
      const target = await bridge.people.get(a['id']);
      return (await bridge.presence.shown(b['id'], target)) === null;
    };
    for (const method of ['PUT', 'PUT'] as const) expect((await call(method, url)).status).toBe(204);
    expect(await hidden()).toBe(true);
    for (const method of ['DELETE', 'DELETE'] as const) expect((await call(method, url)).status).toBe(204);
    expect(await hidden()).toBe(false);
    expect((await call('PUT', '/bridge/v1/people/a/blocks/nobody')).status).toBe(404);
    expect((await call('PUT', '/bridge/v1/people/a/blocks/a')).status).toBe(400);
  });
});

describe('the audit log', () => {
  it('names every change of the operator and of users, a page at a time', async () => {
    const a = await makePerson({ left_id: 'a' });
    const b = await makePerson({ right_id: 'b' });
    const tokens = {
      left_token: await makeToken(a['id'], 'left'),
      right_token: await makeToken(b['id'], 'right'),
    };
    await call('POST', '/bridge/v1/links', tokens, null);
    await call('DELETE', '/bridge/v1/links', tokens, null);
    await call('PATCH', '/bridge/v1/people/a', { display_name: 'Ann' });
    for (const method of ['PUT', 'DELETE'] as const) await call(method, '/bridge/v1/people/a/blocks/b');
    await call('DELETE', '/bridge/v1/people/a/tokens');
    await call('POST', '/bridge/v1/links', { left_id: 'a', right_id: 'b' });
    await call('DELETE', '/bridge/v1/links', { left_id: 'a', right_id: 'b' });
    await call('POST', '/bridge/v1/links', { left_id: 'a', right_id: 'b' });
    await call('DELETE', '/bridge/v1/links/a');
    await call('DELETE', '/bridge/v1/people/a');

    const pages: any[][] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`;
      const { body } = await call('GET', `/bridge/v1/audit?limit=3${query}`);
      pages.push(body!['entries']);
      cursor = body!['next_cursor'];
    } while (cursor !== null);
    expect(pages.map((page) => page.length)).toEqual([3, 3, 3, 3, 3]);
    const entries = pages.flat();
    expect(entries.map(({ actor, action }) => `${actor === a['id'] ? 'she' : actor} ${action}`)).toEqual([
      'operator person.remove',
      'operator unlink',
      'operator link',
      'operator unlink',
      'operator link',
      'operator token.revoke',
      'operator unblock',
      'operator block',
      'operator person.edit',
      'she unlink',
      'she link',
      'operator token.issue',
      'operator token.issue',
      'operator person.create',
      'operator person.create',
    ]);
    expect(entries[0]).toMatchObject({ at: bridge.clock.now(), subjects: [a['id']] });
    for (const token of Object.values(tokens)) {
      expect(JSON.stringify(entries)).not.toContain(token.split('.')[1]);
    }
  });

  it('is for the operator, and takes no made-up cursor', async () => {
    expect((await call('GET', '/bridge/v1/audit', undefined, await user())).status).toBe(401);
    expect((await call('GET', '/bridge/v1/audit?cursor=x')).status).toBe(400);
    expect((await call('GET', '/bridge/v1/audit?limit=1001')).status).toBe(400);
  });
});

async function user() {
  const { id } = await makePerson({ left_id: '7' });
  return makeToken(id, 'right');
}

describe('mode', () => {
  it('sets every mode, with a status that expires', async () => {
    const token = await user();
    for (const mode of ['online', 'idle', 'dnd', 'invisible', 'offline']) {
      const { body } = await call('PUT', '/bridge/v1/me/mode', { mode }, token);
      expect(body?.['mode']).toBe(mode);
      bridge.clock.advance(1000);
    }
    const now = bridge.clock.now();
    const said = { mode: 'dnd', text: 'focus', emoji: '🎧', status_expires_in: 60 };
    expect((await call('PUT', '/bridge/v1/me/mode', said, token)).body).toEqual({
      mode: 'dnd',
      until: null,
      text: 'focus',
      emoji: '🎧',
      expires_at: now + 60_000,
      last_active_at: now,
    });
    bridge.clock.advance(59_999);
    expect((await call('GET', '/bridge/v1/me/mode', undefined, token)).body).toMatchObject({ text: 'focus' });
    bridge.clock.advance(1);
    expect((await call('GET', '/bridge/v1/me/mode', undefined, token)).body).toMatchObject({
      mode: 'dnd',
      text: null,
      emoji: null,
      expires_at: null,
    });
  });

  it.each([
    ['leaves the status alone', {}, ['t', 'e']],
    ['clears it', { text: '' }, [null, null]],
    ['clears it by an empty emoji', { emoji: '' }, [null, null]],
    ['takes a text and drops the emoji', { text: 'u' }, ['u', null]],
    ['takes an emoji and keeps the text', { emoji: 'f' }, ['t', 'f']],
    ['takes null as absent', { text: null, emoji: null }, ['t', 'e']],
  ])('%s', async (_name, edit, expected) => {
    const token = await user();
    await call('PUT', '/bridge/v1/me/mode', { mode: 'online', text: 't', emoji: 'e' }, token);
    const { body } = await call('PUT', '/bridge/v1/me/mode', { mode: 'online', ...edit }, token);
    expect([body?.['text'], body?.['emoji']]).toEqual(expected);
  });

  it.each([
    ['an unknown mode', { mode: 'away' }],
    ['no mode', {}],
    ['a text that is too long', { mode: 'online', text: '🔥'.repeat(2049) }],
    ['an emoji that is too long', { mode: 'online', emoji: 'x'.repeat(65) }],
    ['a lone surrogate', { mode: 'online', text: 'a\ud83d' }],
    ['an expiry of nothing', { mode: 'online', status_expires_in: 5 }],
    ['an expiry of a clearing', { mode: 'online', text: '', status_expires_in: 5 }],
    ['an expiry in the past', { mode: 'online', text: 't', status_expires_in: 0 }],
    ['an end in the past', { mode: 'dnd', until: START }],
    ['an end in the past by its name', { mode: 'dnd', until: '2025-12-31T23:59:59Z' }],
    ['an end that is none', { mode: 'dnd', until: 'tomorrow' }],
    ['an end without a zone', { mode: 'dnd', until: '2026-01-01T12:00:00' }],
    ['an end that is too far away', { mode: 'dnd', until: START + 31_536_000_001 }],
    ['two ends', { mode: 'dnd', until: START + 1000, expires_in: 1 }],
    ['an end of offline', { mode: 'offline', expires_in: 60 }],
  ])('refuses %s and changes nothing', async (_name, body) => {
    const token = await user();
    expect((await call('PUT', '/bridge/v1/me/mode', body, token)).status).toBe(400);
    expect((await call('GET', '/bridge/v1/me/mode', undefined, token)).body).toMatchObject({
      mode: 'offline',
      last_active_at: null,
    });
  });

  it.each([
    ['in seconds', { expires_in: 60 }],
    ['by an instant', { until: START + 60_000 }],
    ['by its name', { until: '2026-01-01T02:01:00+02:00' }],
  ])('ends %s, and what was said with it', async (_name, end) => {
    const token = await user();
    const said = { mode: 'invisible', text: 'focus', ...end };
    expect((await call('PUT', '/bridge/v1/me/mode', said, token)).body).toMatchObject({
      mode: 'invisible',
      until: START + 60_000,
      expires_at: START + 60_000,
    });
    bridge.clock.advance(59_999);
    const read = async () => (await call('GET', '/bridge/v1/me/mode', undefined, token)).body;
    expect(await read()).toMatchObject({ mode: 'invisible', text: 'focus' });
    bridge.clock.advance(1);
    expect(await read()).toMatchObject({ mode: 'offline', until: null, text: null });
  });

  it('may outlive the status that it was said with', async () => {
    const token = await user();
    const said = { mode: 'dnd', text: 'focus', expires_in: 60, status_until: START + 5000 };
    expect((await call('PUT', '/bridge/v1/me/mode', said, token)).body).toMatchObject({
      until: START + 60_000,
      expires_at: START + 5000,
    });
  });

  it('has no end any more once it is said without one', async () => {
    const token = await user();
    await call('PUT', '/bridge/v1/me/mode', { mode: 'dnd', expires_in: 60 }, token);
    expect((await call('PUT', '/bridge/v1/me/mode', { mode: 'dnd' }, token)).body?.['until']).toBeNull();
  });

  it('is limited per person', async () => {
    const token = await user();
    const statuses = [];
    for (let i = 0; i < 4; i++) {
      const reply = await call('PUT', '/bridge/v1/me/mode', { mode: 'online' }, token);
      statuses.push(reply.status, reply.headers['retry-after']);
    }
    expect(statuses).toEqual([200, undefined, 200, undefined, 200, undefined, 429, '1']);
    bridge.clock.advance(1000);
    expect((await call('PUT', '/bridge/v1/me/mode', { mode: 'online' }, token)).status).toBe(200);
  });
});

describe('what a user does for herself', () => {
  /** Somebody with a token, and the whole of her own calls. */
  async function somebody(ids: Record<string, string>) {
    const { id } = await makePerson(ids);
    const token = await makeToken(id, 'left');
    const as = async (method: Method, path: string, body?: unknown) => {
      bridge.clock.advance(2000);
      return call(method, `/bridge/v1/me${path}`, body, token);
    };
    const names = async (list: 'contacts' | 'blocks') =>
      (await as('GET', `/${list}`)).body?.[list].map((each: any) => each.left_id);
    return { id, token, as, names };
  }

  it('knows who she is', async () => {
    const una = await somebody({ left_id: 'una', display_name: 'Una' });
    expect((await una.as('GET', '')).body).toMatchObject({
      left_id: 'una',
      display_name: 'Una',
      linked: false,
    });
  });

  it('chooses who may see her', async () => {
    const una = await somebody({ left_id: 'una' });
    const max = await somebody({ left_id: 'max' });
    await max.as('PUT', '/contacts/una');
    expect(await max.names('contacts')).toEqual(['una']);
    const { status, body } = await una.as('PUT', '/visibility', { visibility: 'contacts' });
    expect([status, body?.['visibility']]).toEqual([200, 'contacts']);
    expect(await max.names('contacts')).toEqual([]);
    await una.as('PUT', '/contacts/max');
    expect(await max.names('contacts')).toEqual(['una']);
    expect((await una.as('PUT', '/visibility', { visibility: 'friends' })).status).toBe(400);
  });

  it('lists contacts, and how they are', async () => {
    const una = await somebody({ left_id: 'una' });
    const max = await somebody({ left_id: 'max' });
    for (const id of ['una', 'una', 'nobody'])
      expect((await max.as('PUT', `/contacts/${id}`)).status).toBe(204);
    await una.as('PUT', '/mode', { mode: 'dnd', text: 'focus' });
    const at = bridge.clock.now();
    expect((await max.as('GET', '/contacts')).body).toEqual({
      contacts: [
        {
          left_id: 'una',
          right_id: 'right-of-una',
          display_name: null,
          avatar_url: null,
          mode: 'dnd',
          text: 'focus',
          emoji: null,
          last_active_at: at,
        },
      ],
    });
    for (const id of ['una', 'nobody']) expect((await max.as('DELETE', `/contacts/${id}`)).status).toBe(204);
    expect(await max.names('contacts')).toEqual([]);
    await makePerson({ left_id: 'nobody' });
    expect(await max.names('contacts')).toEqual([]);
  });

  it('blocks and lifts blocks', async () => {
    const una = await somebody({ left_id: 'una' });
    const max = await somebody({ left_id: 'max' });
    await max.as('PUT', '/contacts/una');
    for (const _ of [1, 2]) expect((await una.as('PUT', '/blocks/max')).status).toBe(204);
    expect([await una.names('blocks'), await max.names('contacts')]).toEqual([['max'], []]);
    expect(await max.names('blocks')).toEqual([]);
    for (const _ of [1, 2]) expect((await una.as('DELETE', '/blocks/max')).status).toBe(204);
    expect([await una.names('blocks'), await max.names('contacts')]).toEqual([[], ['una']]);
  });

  it('does not learn by a block who exists', async () => {
    const una = await somebody({ left_id: 'una' });
    const shy = await somebody({ left_id: 'shy', visibility: 'nobody' });
    const answers = [];
    for (const id of ['shy', 'nobody', 'una']) {
      answers.push([(await una.as('PUT', `/blocks/${id}`)).status, await una.names('blocks')]);
    }
    expect(answers).toEqual([
      [204, []],
      [204, []],
      [204, []],
    ]);
    // She is blocked all the same.
    const target = await bridge.people.get(una.id as PersonId);
    expect(await bridge.presence.shown(shy.id as PersonId, target)).toBeNull();
  });

  it('holds at most so many of each, whoever is named', async () => {
    const una = await somebody({ left_id: 'una' });
    for (let i = 0; i < MAX_CONTACTS; i++) {
      await makePerson({ left_id: `p${i}` });
      expect((await una.as('PUT', `/blocks/p${i}`)).status).toBe(204);
      expect((await una.as('PUT', `/contacts/p${i}`)).status).toBe(204);
    }
    for (const path of ['/blocks/p0', '/blocks/nobody', '/contacts/p0', '/contacts/nobody']) {
      const { status, body } = await una.as('PUT', path);
      expect([path, status, body?.['error'].code]).toEqual([path, 403, 'limit_reached']);
    }
    expect((await una.as('DELETE', '/blocks/p0')).status).toBe(204);
  });

  it('is limited like every write, and needs a token of a user', async () => {
    const una = await somebody({ left_id: 'una' });
    bridge.clock.advance(10_000);
    const calls: [Method, string, unknown?][] = [
      ['PUT', '/visibility', { visibility: 'nobody' }],
      ['PUT', '/contacts/x'],
      ['DELETE', '/blocks/x'],
      ['PUT', '/blocks/x'],
    ];
    const statuses = [];
    for (const [method, path, body] of calls) {
      statuses.push((await call(method, `/bridge/v1/me${path}`, body, una.token)).status);
    }
    expect(statuses).toEqual([200, 204, 204, 429]);
    for (const path of ['', '/contacts', '/blocks']) {
      bridge.clock.advance(10_000);
      expect((await call('GET', `/bridge/v1/me${path}`)).status).toBe(401);
    }
  });
});

describe('tokens of a real server', () => {
  const path = (network: string) => `/bridge/v1/me/server-tokens/${network}`;

  it('are given, listed and taken back by their owner', async () => {
    const token = await user();
    const list = async () =>
      (await call('GET', '/bridge/v1/me/server-tokens', undefined, token)).body?.['networks'];
    expect(await list()).toEqual([]);
    expect(await call('PUT', path('left'), { token: 'secret' }, token)).toMatchObject({
      status: 204,
      body: null,
    });
    expect([...given.values()]).toEqual(['secret']);
    expect(await list()).toEqual(['left']);
    expect((await call('DELETE', path('left'), undefined, token)).status).toBe(204);
    expect(await list()).toEqual([]);
  });

  it('are taken only of servers to which the bridge writes', async () => {
    const token = await user();
    expect((await call('PUT', path('right'), { token: 'secret' }, token)).status).toBe(404);
    expect((await call('DELETE', path('right'), undefined, token)).status).toBe(404);
    expect((await call('PUT', path('nowhere'), { token: 'secret' }, token)).status).toBe(400);
  });

  it.each([{}, { token: '' }, { token: 1 }, { token: 'x'.repeat(1025) }])('are no %j', async (body) => {
    const token = await user();
    expect((await call('PUT', path('left'), body, token)).status).toBe(400);
    expect(given.size).toBe(0);
  });

  it('are the business of users, and limited like writes', async () => {
    expect((await call('PUT', path('left'), { token: 'secret' }, OPERATOR)).status).toBe(401);
    const token = await user();
    const statuses = [];
    for (let i = 0; i < 4; i++) {
      statuses.push((await call('PUT', path('left'), { token: 'secret' }, token)).status);
    }
    expect(statuses).toEqual([204, 204, 204, 429]);
  });
});

describe('around it', () => {
  it('tells the operator how the real servers are', async () => {
    const server = { name: 'left', state: 'down', since: 5, reason: 'refused', backlog: 2 } as const;
    health = [{ ...server, warnings: ['look'] }];
    const { body } = await call('GET', '/bridge/v1/servers');
    expect(body).toEqual({ servers: [{ ...server, warnings: ['look'] }] });
    expect((await call('GET', '/bridge/v1/servers', undefined, await user())).status).toBe(401);
  });

  it('answers the probes', async () => {
    expect((await call('GET', '/livez', undefined, null)).body).toEqual({ status: 'ok' });
    expect((await call('GET', '/readyz', undefined, null)).status).toBe(200);
    probe = () => Promise.reject(new Error('disk on fire'));
    const sick = await call('GET', '/readyz', undefined, null);
    expect([sick.status, sick.headers['retry-after']]).toEqual([503, '1']);
    expect(JSON.stringify(sick.body)).not.toContain('fire');
    expect((await call('GET', '/livez', undefined, null)).status).toBe(200);
  });

  it('tells unknown paths and wrong methods apart', async () => {
    const unknown = await call('GET', '/bridge/v1/nothing');
    expect([unknown.status, unknown.body?.['error'].code]).toEqual([404, 'unknown_endpoint']);
    const wrong = await call('POST', '/bridge/v1/me/mode', {});
    expect([wrong.status, wrong.headers['allow']]).toEqual([405, 'GET, PUT']);
  });

  it('documents each of its routes', async () => {
    const { body } = await call('GET', '/bridge/openapi.json', undefined, null);
    expect(body?.['openapi']).toBe('3.1.0');
    const paths = Object.entries<object>(body?.['paths']).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(paths.sort()).toMatchSnapshot();
    expect(body?.['paths']['/bridge/v1/people'].post.responses['201']).toBeDefined();
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TestApp, TestPerson } from '../helpers/app.ts';
import { makeApp, OPERATOR } from '../helpers/app.ts';

const UNA = { plexichat_id: '175928847299117063', matrix_id: '@una:localhost' };
const PAT = { plexichat_id: '175928847299117064' };
/** What reads like Una's id, or like Pat's stand-in, and is neither. */
const LOOKALIKES = [
  '@Una:localhost',
  '@unа:localhost', // Cyrillic а
  '@una\u200b:localhost', // zero width space
  '@u\u00adna:localhost', // soft hyphen
  '@\u202eanu:localhost', // right-to-left override
  '@una\ufe0f:localhost', // variation selector
  '@ｕｎａ:localhost', // full width
  '@un\u0061\u0301:localhost', // with a combining accent
  '@una:LOCALHOST',
  '@una:localhost.',
  '@una:localhost:8448',
  '@una:Ⅼocalhost',
  `@_plexichat_0${PAT.plexichat_id}:localhost`,
  `@_plexichat_+${PAT.plexichat_id}:localhost`,
  `@_plexichat_1_${PAT.plexichat_id.slice(1)}:localhost`,
  `@_plexichat_１${PAT.plexichat_id.slice(1)}:localhost`,
  `@_PLEXICHAT_${PAT.plexichat_id}:localhost`,
];

let app: TestApp;
let una: TestPerson;
let pat: TestPerson;

beforeEach(async () => {
  app = await makeApp();
  una = await app.person(UNA);
  pat = await app.person(PAT);
  await app.call('PUT', '/api/v1/users/@me/presence', una.plexichat.token, { status: 'dnd' });
  await app.call('PUT', '/api/v1/users/@me/presence', pat.plexichat.token, { status: 'dnd' });
});
afterEach(() => app.http.close());

const statusOf = (id: string) => `/_matrix/client/v3/presence/${encodeURIComponent(id)}/status`;

describe('ids that look alike', () => {
  it.each(LOOKALIKES)('%j is nobody', async (id) => {
    expect([400, 404]).toContain((await app.call('GET', statusOf(id), una.matrix.token)).status);
    const write = await app.call('PUT', statusOf(id), una.matrix.token, { presence: 'online' });
    expect([400, 403]).toContain(write.status);
  });

  it.each(LOOKALIKES)('%j, given to somebody, is that somebody only', async (id) => {
    const made = await app.call('POST', '/bridge/v1/people', OPERATOR, { matrix_id: id });
    expect([201, 400]).toContain(made.status);
    if (made.status === 400) return;
    expect((await app.call('GET', statusOf(id), una.matrix.token)).body.presence).toBe('offline');
    for (const { matrix } of [una, pat]) {
      const { body } = await app.call('GET', statusOf(matrix.id), una.matrix.token);
      expect(body.presence).toBe('unavailable');
    }
  });

  it('a Plexichat id is a number, however it is written, and is answered as it is', async () => {
    for (const written of [
      `0${UNA.plexichat_id}`,
      `+${UNA.plexichat_id}`,
      '１75928847299117063',
      '١٧٥٩٢٨٨٤٧٢٩٩١١٧٠٦٣',
    ]) {
      const url = `/api/v1/users/${encodeURIComponent(written)}/presence`;
      const { body } = await app.call('GET', url, pat.plexichat.token);
      expect(body).toMatchObject({ user_id: UNA.plexichat_id, status: 'dnd' });
    }
  });
});

describe('keys that mean something to JavaScript', () => {
  const POISON = [
    '{"__proto__":{"polluted":1,"status":"dnd","presence":"online","mode":"dnd"}}',
    '{"constructor":{"prototype":{"polluted":1}}}',
    '{"__proto__":{"__proto__":{"polluted":1}}}',
    '{"status":"online","presence":"online","mode":"online","__proto__":{"polluted":1,"custom_status":"x"}}',
    '{"presence":{"__proto__":{"polluted":1}},"room":{"constructor":{"prototype":{"polluted":1}}}}',
    '{"invite":["__proto__"],"drop":["constructor"],"toString":1,"hasOwnProperty":1}',
    '["__proto__"]',
  ];
  const writes = (): [method: 'PUT' | 'POST', url: string, token: string][] => [
    ['PUT', '/api/v1/users/@me/presence', una.plexichat.token],
    ['PUT', statusOf(UNA.matrix_id), una.matrix.token],
    ['POST', `/_matrix/client/api/v1/presence/list/${UNA.matrix_id}`, una.matrix.token],
    ['POST', `/_matrix/client/v3/user/${UNA.matrix_id}/filter`, una.matrix.token],
    ['PUT', '/bridge/v1/me/mode', una.matrix.token],
    ['POST', '/bridge/v1/people', OPERATOR],
    ['POST', '/bridge/v1/links', OPERATOR],
    ['POST', `/bridge/v1/people/${una.id}/tokens`, OPERATOR],
  ];

  it('change nothing but what they name', async () => {
    const names = Object.getOwnPropertyNames(Object.prototype);
    for (const [method, url, token] of writes()) {
      for (const payload of POISON) {
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
        const reply = await app.http.inject({ method, url, headers, payload });
        expect(reply.statusCode, `${url} ${payload}`).toBeLessThan(500);
        expect(reply.body).not.toContain('polluted');
      }
    }
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(names);
    expect({}).not.toHaveProperty('polluted');
  });

  it('a status that only a prototype has is none', async () => {
    const headers = { authorization: `Bearer ${una.plexichat.token}`, 'content-type': 'application/json' };
    const payload = '{"__proto__":{"status":"online"}}';
    const url = '/api/v1/users/@me/presence';
    expect((await app.http.inject({ method: 'PUT', url, headers, payload })).statusCode).toBe(400);
    expect((await app.call('GET', url, una.plexichat.token)).body.status).toBe('dnd');
  });
});

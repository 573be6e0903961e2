import { afterEach, beforeEach, expect, it } from 'vitest';
import type { TestApp, TestPerson } from '../../helpers/app.ts';
import { makeApp, OPERATOR } from '../../helpers/app.ts';

const [ANN, BEN] = ['175928847299117063', '175928847299117064'];
let app: TestApp;
let ann: TestPerson;
let ben: TestPerson;

beforeEach(async () => {
  app = await makeApp({ matrix: { busy: true } });
  ann = await app.person({ plexichat_id: ANN, matrix_id: '@ann:localhost' });
  ben = await app.person({ plexichat_id: BEN, matrix_id: '@ben:localhost' });
});

afterEach(() => app.http.close());

function write(status: string, more: object = {}) {
  return app.call('PUT', '/api/v1/users/@me/presence', ann.plexichat.token, { status, ...more });
}

async function why(query = '') {
  const reply = await app.call('GET', `/bridge/v1/people/${ANN}/why${query}`, OPERATOR);
  expect([reply.status, reply.headers['cache-control']]).toEqual([200, 'no-store']);
  return reply.body;
}

async function actions(): Promise<string[]> {
  const { body } = await app.call('GET', '/bridge/v1/audit', OPERATOR);
  return body.entries.map(({ action }: any) => action);
}

it('tells what each surface shows, and what it rests on', async () => {
  await write('dnd', { custom_status: 'Working', custom_emoji: ':computer:' });
  const said = app.clock.now();
  app.clock.advance(1000);
  const body = await why();
  expect(body).toMatchObject({
    person: { plexichat_id: ANN },
    at: said + 1000,
    shown: { mode: 'dnd', text: 'Working', emoji: ':computer:', last_active_at: said },
    grounds: {
      claim: { mode: 'dnd', origin: 'plexichat', at: said, ends_at: said + 1_800_000, holds: true },
      sessions: [],
      feeds: [],
      deadlines: [{ at: said + 1_800_000, what: 'claim ends' }],
    },
    revealed: null,
  });
  expect(body.because.slice(0, 2)).toEqual([
    'She is dnd because she said so.',
    `At ${new Date(said).toISOString()} she said dnd through plexichat, which holds by itself until ${new Date(said + 1_800_000).toISOString()}.`,
  ]);
  expect(body.surfaces).toEqual([
    { surface: 'plexichat', presence: 'dnd', text: 'Working', emoji: ':computer:' },
    { surface: 'matrix v1', presence: 'unavailable', text: '💻 Working', emoji: null },
    {
      surface: 'matrix r0, v3, sync',
      presence: 'org.matrix.msc3026.busy',
      text: '💻 Working',
      emoji: null,
    },
  ]);
});

it('tells who may see her', async () => {
  const list = `/_matrix/client/api/v1/presence/list/${ben.matrix.id}`;
  await app.call('POST', list, ben.matrix.token, { invite: [ann.matrix.id] });
  expect((await why()).seen_by).toEqual({
    visibility: 'everyone',
    hidden_from: [],
    told: [ben.id],
    listed_by: 1,
  });
  await app.call('PUT', `/bridge/v1/people/${ben.id}/blocks/${ann.id}`, OPERATOR);
  expect((await why()).seen_by).toEqual({
    visibility: 'everyone',
    hidden_from: [ben.id],
    told: [],
    listed_by: 1,
  });
});

it('tells whom it was last told to', async () => {
  const list = `/_matrix/client/api/v1/presence/list/${ben.matrix.id}`;
  await app.call('POST', list, ben.matrix.token, { invite: [ann.matrix.id] });
  const sync = (query: string) => app.call('GET', `/_matrix/client/v3/sync?${query}`, ben.matrix.token);
  const { body } = await sync('timeout=0');
  expect((await why()).last_deliveries).toEqual([]);
  await write('dnd');
  const at = app.clock.now();
  const told = [{ to: ben.id, kind: 'person', said: 'dnd', at }];
  expect((await why()).last_deliveries).toEqual(told);
  app.clock.advance(1000);
  await write('dnd', { custom_status: 'not told before she reads' });
  await write('invisible');
  await write('invisible', { custom_status: 'a secret' });
  expect((await why()).last_deliveries).toEqual([{ ...told[0], said: 'offline', at: at + 1000 }]);
  expect((await sync(`since=${body.next_batch}&timeout=0`)).text).toContain('offline');
});

it('shows an invisible person offline, and more only for a reason that is kept', async () => {
  await write('online', { custom_status: 'here' });
  await write('invisible');
  await write('invisible', { custom_status: 'a secret' });
  const hidden = await why();
  expect(hidden).toMatchObject({
    shown: { mode: 'offline', text: 'here' },
    because: ['She left by her own word, and it is hers alone to say more.'],
    grounds: null,
    revealed: null,
  });
  expect(hidden.surfaces.map(({ presence }: any) => presence)).toEqual(['offline', 'offline', 'offline']);
  expect(JSON.stringify(hidden)).not.toMatch(/invisible|secret/);
  for (const reason of ['', 'x', '%20%20%20%20%20%20%20%20%20']) {
    const url = `/bridge/v1/people/${ANN}/why?reveal=${reason}`;
    expect((await app.call('GET', url, OPERATOR)).status).toBe(400);
  }
  expect(await actions()).not.toContain('reveal');

  const more = await why('?reveal=she%20asks%20why%20she%20is%20gone');
  expect({ ...more, revealed: null }).toEqual(hidden);
  expect(more.revealed).toMatchObject({
    mode: 'invisible',
    text: 'a secret',
    grounds: { claim: { mode: 'invisible', ends_at: null, holds: true } },
    held_to: { text: 'here', sealed: true },
  });
  const { body } = await app.call('GET', '/bridge/v1/audit?limit=1', OPERATOR);
  expect(body.entries).toMatchObject([
    { action: 'reveal', subjects: [ann.id], details: { reason: 'she asks why she is gone' } },
  ]);
});

it('reveals nothing while the reason cannot be kept', async () => {
  await write('invisible');
  app.store.commit = () => Promise.reject(new Error('disk full'));
  const reply = await app.call('GET', `/bridge/v1/people/${ANN}/why?reveal=a%20good%20reason`, OPERATOR);
  expect(reply.status).toBe(500);
  expect(reply.text).not.toContain('invisible');
});

it('is for the operator, of people that there are', async () => {
  expect((await app.call('GET', `/bridge/v1/people/${ANN}/why`, ann.plexichat.token)).status).toBe(401);
  expect((await app.call('GET', '/bridge/v1/people/nobody/why', OPERATOR)).status).toBe(404);
});

it('says so of who never was there', async () => {
  const { because, grounds } = await why();
  expect([because, grounds]).toEqual([
    ['She is offline: no connection says otherwise, and neither did she.'],
    { claim: null, sessions: [], feeds: [], deadlines: [] },
  ]);
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RecordingService, writeRegistration } from './application-service.ts';
import type { Account, Answer, Synapse } from './synapse.ts';
import { startSynapse } from './synapse.ts';

const AS_TOKEN = RecordingService.asToken;
const GHOST = '@_plexichat_175928847299117063:hs.test';
const BUSY = 'org.matrix.msc3026.busy';
const POLLS = 20;

let folder: string;
let service: RecordingService;
let synapse: Synapse;
let alice: Account;
let bob: Account;
let room: string;

function put(token: string, userId: string, content: unknown, query = ''): Promise<Answer> {
  const path = `/_matrix/client/v3/presence/${encodeURIComponent(userId)}/status${query}`;
  return synapse.call('PUT', path, token, content);
}

function putGhost(content: unknown): Promise<Answer> {
  return put(AS_TOKEN, GHOST, content, `?user_id=${encodeURIComponent(GHOST)}`);
}

function registerGhost(username: string): Promise<Answer> {
  return synapse.call('POST', '/_matrix/client/v3/register', AS_TOKEN, {
    type: 'm.login.application_service',
    username,
    inhibit_login: true,
  });
}

function ping(id: string): Promise<Answer> {
  return synapse.call('POST', `/_matrix/client/v1/appservice/${id}/ping`, AS_TOKEN, { transaction_id: 't' });
}

/** The presence event of `sender` that says `text`, polled for by `token` from now on; `change` runs meanwhile. */
async function seen(
  token: string,
  sender: string,
  text: string,
  change: () => Promise<unknown>,
): Promise<any> {
  let { next_batch: since } = await synapse.sync(token);
  await change();
  for (let poll = 0; poll < POLLS; poll += 1) {
    const body = await synapse.sync(token, since, 3_000);
    const events: any[] = body.presence?.events ?? [];
    const event = events.find((each) => each.sender === sender && each.content.status_msg === text);
    if (event !== undefined) return event;
    since = body.next_batch;
  }
  throw new Error(`${sender} was not seen:\n${synapse.output.join('\n')}`);
}

async function start(busy: boolean): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'plexibridge-synapse-'));
  service = new RecordingService();
  const registration = join(folder, 'registration.yaml');
  await writeRegistration(registration, await service.listen());
  synapse = await startSynapse({ registration, dataDir: join(folder, 'data'), busy });
  alice = await synapse.register('alice', 'a password of alice');
  bob = await synapse.register('bob', 'a password of bob');
  room = await synapse.createRoom(alice.token, { alias: 'hall', public: true });
  await synapse.join(bob.token, '#hall:hs.test');
}

async function end(): Promise<void> {
  await synapse[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}

describe('Synapse', () => {
  beforeAll(() => start(false));
  afterAll(end);

  it('shows a presence that was put to who shares a room', async () => {
    const event = await seen(bob.token, alice.userId, 'at the desk', () =>
      put(alice.token, alice.userId, { presence: 'online', status_msg: 'at the desk' }),
    );
    expect(event).toEqual({
      type: 'm.presence',
      sender: alice.userId,
      content: {
        presence: 'online',
        status_msg: 'at the desk',
        last_active_ago: expect.any(Number),
        currently_active: true,
      },
    });
  });

  it('refuses a ghost that nobody registered', async () => {
    expect(await putGhost({ presence: 'online' })).toEqual({
      status: 403,
      body: {
        errcode: 'M_FORBIDDEN',
        error: `Application service has not registered this user (${GHOST})`,
      },
    });
  });

  it('registers a ghost once', async () => {
    const username = GHOST.slice(1).replace(':hs.test', '');
    expect(await registerGhost(username)).toMatchObject({ status: 200, body: { user_id: GHOST } });
    expect(await registerGhost(username)).toMatchObject({ status: 400, body: { errcode: 'M_USER_IN_USE' } });
    expect(await registerGhost('somebody')).toMatchObject({ status: 400, body: { errcode: 'M_EXCLUSIVE' } });
  });

  it("shows a ghost's presence to who shares a room", async () => {
    await synapse.join(AS_TOKEN, room, GHOST);
    const event = await seen(bob.token, GHOST, 'on Plexichat', async () => {
      const answer = await putGhost({ presence: 'unavailable', status_msg: 'on Plexichat' });
      expect(answer).toEqual({ status: 200, body: {} });
    });
    expect(event).toMatchObject({ type: 'm.presence', content: { presence: 'unavailable' } });
  });

  it.each(['ephemeral', 'de.sorunome.msc2409.ephemeral'])(
    "sends presence to the service under %s, the ghost's own too",
    async (key) => {
      await put(alice.token, alice.userId, { presence: 'unavailable', status_msg: key });
      const item = await service.item(key, ({ content }) => content.status_msg === key);
      expect(item).toEqual({
        type: 'm.presence',
        sender: alice.userId,
        content: { presence: 'unavailable', status_msg: key, last_active_ago: expect.any(Number) },
      });
      await service.item(
        key,
        ({ sender, content }) => sender === GHOST && content.status_msg === 'on Plexichat',
      );
      const transaction = service.received.find(({ path }) => path.includes('/transactions/'));
      expect(transaction).toMatchObject({
        method: 'PUT',
        authorization: `Bearer ${RecordingService.hsToken}`,
        path: expect.stringMatching(/^\/_matrix\/app\/v1\/transactions\/\d+$/),
      });
    },
  );

  it('pings the service', async () => {
    expect(await ping('plexibridge')).toEqual({ status: 200, body: { duration_ms: expect.any(Number) } });
    expect(service.received.at(-1)).toMatchObject({ method: 'POST', body: { transaction_id: 't' } });
    service.pingStatus = 403;
    expect(await ping('plexibridge')).toMatchObject({
      status: 502,
      body: { errcode: 'M_BAD_STATUS', status: 403 },
    });
    service.pingStatus = 200;
    expect(await ping('another')).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } });
  });

  it('has no busy', async () => {
    const { body } = await synapse.call('GET', '/_matrix/client/versions', '');
    expect(body.unstable_features['org.matrix.msc3026.busy_presence']).toBe(false);
    for (const presence of [BUSY, 'busy']) {
      expect(await put(alice.token, alice.userId, { presence })).toMatchObject({
        status: 400,
        body: { errcode: 'M_UNKNOWN', error: 'Invalid presence state' },
      });
    }
  });

  it('keeps port, accounts and texts over a stop and a start', async () => {
    const { url } = synapse;
    await synapse.stop();
    await expect(synapse.call('GET', '/_matrix/client/versions', '')).rejects.toThrow();
    await synapse.start();
    expect(synapse.url).toBe(url);
    const event = await seen(bob.token, alice.userId, 'back', () =>
      put(alice.token, alice.userId, { presence: 'online', status_msg: 'back' }),
    );
    expect(event.content.presence).toBe('online');
    await service.item('ephemeral', ({ content }) => content.status_msg === 'back');
  });
});

describe('Synapse with busy', () => {
  beforeAll(() => start(true));
  afterAll(end);

  it('takes busy by its unstable name only, and shows it', async () => {
    const { body } = await synapse.call('GET', '/_matrix/client/versions', '');
    expect(body.unstable_features['org.matrix.msc3026.busy_presence']).toBe(true);
    const event = await seen(bob.token, alice.userId, 'in a call', () =>
      put(alice.token, alice.userId, { presence: BUSY, status_msg: 'in a call' }),
    );
    expect(event.content.presence).toBe(BUSY);
    expect(await put(alice.token, alice.userId, { presence: 'busy' })).toMatchObject({ status: 400 });
  });

  it('sends it to the service', async () => {
    await registerGhost('_plexichat_1');
    await synapse.join(AS_TOKEN, room, '@_plexichat_1:hs.test');
    await put(alice.token, alice.userId, { presence: BUSY, status_msg: 'still in it' });
    const item = await service.item('ephemeral', ({ content }) => content.status_msg === 'still in it');
    expect(item.content.presence).toBe(BUSY);
  });
});

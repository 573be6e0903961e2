import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../../src/stores/memory/memory-store.ts';
import { failOnDemand } from '../../../helpers/bent-store.ts';
import { ALICE, BOB } from '../plexichat-app.ts';
import type { Gateway, GatewayOptions, User } from './connections.ts';
import { FakeClient, makeWatched } from './connections.ts';

let gateway: Gateway;
let alice: User;
let bob: User;

async function start(options: GatewayOptions = {}): Promise<void> {
  ({ gateway, alice, bob } = await makeWatched(options));
}

beforeEach(() => start());

describe('IDENTIFY', () => {
  it('is answered by READY, then by what is shown of each contact', async () => {
    await gateway.say(alice, 'dnd', 'busy');
    const { frames } = await gateway.connect().identify(bob.token);
    expect(frames).toEqual([
      { op: 10, d: { heartbeat_interval: 45_000 } },
      {
        op: 0,
        t: 'READY',
        s: 1,
        d: {
          v: 10,
          user: { id: BOB, username: BOB, discriminator: '0', avatar: null, bot: false },
          guilds: [],
          session_id: expect.stringMatching(/^[0-9a-f]{48}$/),
          resume_gateway_url: 'ws://here/gateway',
          application: { id: BOB, flags: 0 },
        },
      },
      {
        op: 0,
        t: 'PRESENCE_UPDATE',
        s: 2,
        d: { user_id: ALICE, status: 'dnd', custom_status: 'busy', custom_emoji: null },
      },
    ]);
    expect(gateway.counted.identified).toBe(1);
  });

  it('makes her online, for all who may see her', async () => {
    const watching = await gateway.connect().identify(bob.token);
    await gateway.connect().identify(alice.token);
    expect(await gateway.mode(alice)).toBe('online');
    expect(watching.events).toEqual(['1 READY', `2 ${ALICE} offline`, `3 ${ALICE} online`]);
  });

  it.each(['dnd', 'invisible', 'idle'] as const)('leaves %s alone', async (said) => {
    await gateway.say(alice, said);
    await gateway.connect().identify(alice.token);
    expect(await gateway.mode(alice)).toBe(said);
  });

  it('ends an offline that she said before', async () => {
    await gateway.say(alice, 'offline');
    await gateway.connect().identify(alice.token);
    expect(await gateway.mode(alice)).toBe('online');
  });

  it.each([undefined, 0, 1_900_543 - 256])('sends no presence for intents %s', async (intents) => {
    const client = await gateway.connect().identify(bob.token, { intents });
    await gateway.say(alice, 'dnd');
    expect(client.events).toEqual(['1 READY']);
  });

  it('may be told to send changes only', async () => {
    await start({ gateway: { initialPresences: false } });
    await gateway.say(alice, 'online', 'x');
    const client = await gateway.connect().identify(bob.token);
    await gateway.say(alice, 'online');
    expect(client.events).toEqual(['1 READY']);
    await gateway.say(alice, 'idle');
    expect(client.events).toEqual(['1 READY', `2 ${ALICE} idle x`]);
  });

  it('loses nothing that changes while the contacts are read, and shows nothing older after it', async () => {
    const { audience } = gateway.context;
    const late = {
      ...gateway.context,
      audience: {
        watch: async (...args: Parameters<typeof audience.watch>) => {
          const watch = await audience.watch(...args);
          await gateway.say(alice, 'dnd');
          return watch;
        },
      },
    };
    const client = await new FakeClient(late).identify(bob.token);
    expect(client.events).toEqual(['1 READY', `2 ${ALICE} offline`, `3 ${ALICE} dnd`]);
  });
});

describe('presences', () => {
  it('are sent when one of the four fields changes, not for activity alone', async () => {
    const client = await gateway.connect().identify(bob.token);
    await gateway.say(alice, 'online', 'hi');
    await gateway.pass(70_000);
    await gateway.say(alice, 'online');
    await gateway.say(alice, 'online', 'ho');
    for (let minute = 0; minute < 5; minute++) {
      await client.send(1);
      await gateway.pass(60_000);
    }
    expect(client.events.slice(2)).toEqual([
      `3 ${ALICE} online hi`,
      `4 ${ALICE} online ho`,
      `5 ${ALICE} idle ho`,
    ]);
  });

  it('follow contacts, blocks and visibility while connected', async () => {
    const carol = await gateway.user('382824977147236352');
    await gateway.say(alice, 'dnd', 'x');
    await gateway.say(carol, 'online');
    const client = await gateway.connect().identify(bob.token);
    const shown = () => client.events.slice(1).map((event) => event.replace(/^\d+ /, ''));
    await gateway.list(bob, carol);
    await gateway.contacts.block(alice.person.id, bob.person.id, true);
    await gateway.say(alice, 'online', 'secret');
    await gateway.contacts.block(alice.person.id, bob.person.id, false);
    await gateway.people.edit(carol.person.id, { visibility: 'nobody' });
    await gateway.say(carol, 'idle');
    expect(shown()).toEqual([
      `${ALICE} dnd x`,
      `${carol.id} online`,
      `${ALICE} offline`,
      `${ALICE} online secret`,
      `${carol.id} offline`,
    ]);
  });

  it('are encoded once for all who get them', async () => {
    const clients = [];
    for (let i = 0; i < 3; i++) clients.push(await gateway.connect().identify(bob.token));
    await gateway.say(alice, 'dnd');
    for (const client of clients) expect(client.events.at(-1)).toBe(`3 ${ALICE} dnd`);
    const { shown } = await gateway.presence.look(alice.person.id);
    const { encoder } = gateway.context;
    const first = encoder.encode({ person: alice.person, shown });
    expect(encoder.encode({ person: alice.person, shown })).toBe(first);
    expect(encoder.encode({ person: bob.person, shown }).event.d).toContain(BOB);
    expect(encoder.encode({ person: alice.person, shown: { ...shown, mode: 'idle' } }).event.d).toContain(
      'idle',
    );
  });
});

describe('several connections of one person', () => {
  it('keep her online until the last is gone, and through the grace', async () => {
    const phone = await gateway.connect().identify(alice.token);
    const desk = await gateway.connect().identify(alice.token);
    await phone.drop();
    await gateway.pass(60_000);
    expect(await gateway.mode(alice)).toBe('online');
    await desk.drop();
    await gateway.pass(29_999);
    expect(await gateway.mode(alice)).toBe('online');
    await gateway.pass(1);
    expect(await gateway.mode(alice)).toBe('offline');
  });

  it('are bounded; those that have gone make room', async () => {
    await start({ gateway: { connectionsPerPerson: 2 } });
    const first = await gateway.connect().identify(alice.token);
    await gateway.connect().identify(alice.token);
    const third = await gateway.connect().identify(alice.token);
    expect(third.socket.closed).toEqual({ code: 4008, reason: 'Rate limited' });
    expect((await gateway.connect().identify(bob.token)).socket.closed).toBeNull();
    await first.drop();
    const fourth = await gateway.connect().identify(alice.token);
    expect(fourth.socket.closed).toBeNull();
    const back = await gateway.connect().resume(alice.token, first.sessionId, 1);
    expect(back.frames.at(-1)).toEqual({ op: 9, d: false });
  });
});

describe('an IDENTIFY that fails', () => {
  it('through the store ends in a code that lets the client come back', async () => {
    const disk = failOnDemand(new MemoryStore(), new Error('disk full'));
    await start({ store: disk.store });
    disk.broken = true;
    const client = await gateway.connect().identify(alice.token);
    expect(client.socket.closed).toEqual({ code: 4000, reason: 'Unknown error' });
    expect(client.events).toEqual([]);
    disk.broken = false;
    expect((await gateway.connect().identify(alice.token)).events).toEqual(['1 READY']);
  });

  it('because the client has gone meanwhile leaves her online for the grace only', async () => {
    for (let steps = 0; steps < 30; steps++) {
      const client = gateway.connect();
      client.connection.receive(Buffer.from(JSON.stringify({ op: 2, d: { token: alice.token } })), false);
      for (let step = 0; step < steps; step++) await Promise.resolve();
      await client.drop();
      await gateway.pass(30_000);
      expect(await gateway.mode(alice), `gone after ${steps} steps`).toBe('offline');
    }
    expect(gateway.counted.identified).toBeGreaterThan(10);
  });
});

import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { BridgeError } from '../../../../src/presence/errors.ts';
import type { PresenceStore } from '../../../../src/presence/store.ts';
import { MemoryStore } from '../../../../src/stores/memory/memory-store.ts';
import { bendStore } from '../../../helpers/bent-store.ts';
import { ALICE, GATEWAY } from '../plexichat-app.ts';
import type { FakeClient, Gateway, GatewayOptions, User } from './connections.ts';
import { GRACE, makeGateway, makeWatched } from './connections.ts';

let gateway: Gateway;
let alice: User;
let bob: User;

async function start(options: GatewayOptions = {}): Promise<void> {
  ({ gateway, alice, bob } = await makeWatched(options));
}

beforeEach(() => start());

/** Bob's client, with three events behind it. */
async function watching(): Promise<FakeClient> {
  const client = await gateway.connect().identify(bob.token);
  await gateway.say(alice, 'online');
  expect(client.events).toEqual(['1 READY', `2 ${ALICE} offline`, `3 ${ALICE} online`]);
  return client;
}

describe('RESUME', () => {
  it('sends what was missed, with its numbers, and goes on from there', async () => {
    const client = await watching();
    await client.drop();
    await gateway.say(alice, 'idle');
    await gateway.say(alice, 'dnd');
    const back = await gateway.connect().resume(bob.token, client.sessionId, 2);
    expect(back.frames.slice(1, 3)).toEqual([
      { op: 0, t: 'RESUMED', s: 5, d: {} },
      {
        op: 0,
        t: 'PRESENCE_UPDATE',
        s: 3,
        d: { user_id: ALICE, status: 'online', custom_status: null, custom_emoji: null },
      },
    ]);
    await gateway.say(alice, 'online');
    expect(back.events.slice(2)).toEqual([`4 ${ALICE} idle`, `5 ${ALICE} dnd`, `6 ${ALICE} online`]);
    expect(gateway.counted.resumed).toBe(1);
  });

  it('replays READY too for a client that saw nothing', async () => {
    const client = await watching();
    await client.drop();
    const back = await gateway.connect().resume(bob.token, client.sessionId, 0);
    expect(back.frames[2]).toEqual(client.frames[1]);
  });

  it('adopts a number that is ahead, and tells how everybody is', async () => {
    const client = await watching();
    await client.drop();
    const back = await gateway.connect().resume(bob.token, client.sessionId, 999);
    await gateway.say(alice, 'dnd');
    expect(back.events).toEqual(['999 RESUMED', `1000 ${ALICE} online`, `1001 ${ALICE} dnd`]);
  });

  it('works with any live token of the same person, within the window', async () => {
    const client = await watching();
    await client.drop();
    const issued = await gateway.tokens.issue(bob.person.id, gateway.context.network.name, (s) => `7.${s}`);
    await gateway.pass(59_999);
    const back = await gateway.connect().resume(issued.token, client.sessionId, 3);
    expect(back.events[0]).toMatch(/RESUMED/);
  });

  it.each([
    ['too late', async () => gateway.pass(60_000), {}],
    ['with a bad token', null, { token: 'x' }],
    ['of no session', null, { session_id: 'deadbeef' }],
    ['with a number that is none', null, { seq: '1' }],
  ])('is refused %s, and IDENTIFY may follow', async (_name, before, fault) => {
    const client = await watching();
    await client.drop();
    await before?.();
    const back = gateway.connect();
    await back.send(6, { token: bob.token, session_id: client.sessionId, seq: 3, ...fault });
    expect(back.frames.slice(1)).toEqual([{ op: 9, d: false }]);
    await back.identify(bob.token);
    expect(back.events[0]).toBe('1 READY');
  });

  it("is refused for somebody else's session, which stays as it was", async () => {
    const client = await watching();
    const thief = await gateway.connect().resume(alice.token, client.sessionId, 3);
    expect(thief.frames.at(-1)).toEqual({ op: 9, d: false });
    await gateway.say(alice, 'dnd');
    expect([client.socket.closed, client.events.at(-1)]).toEqual([null, `4 ${ALICE} dnd`]);
  });

  it('is refused when more was missed than is kept', async () => {
    await start({ gateway: { replayLimit: 3 } });
    const client = await watching();
    await client.drop();
    for (const mode of ['idle', 'dnd', 'online'] as const) await gateway.say(alice, mode);
    const early = await gateway.connect().resume(bob.token, client.sessionId, 2);
    expect(early.frames.at(-1)).toEqual({ op: 9, d: false });
  });

  it('is granted when just that much was missed', async () => {
    await start({ gateway: { replayLimit: 3 } });
    const client = await watching();
    await client.drop();
    for (const mode of ['idle', 'dnd', 'online'] as const) await gateway.say(alice, mode);
    const back = await gateway.connect().resume(bob.token, client.sessionId, 3);
    expect(back.events).toHaveLength(4);
  });

  it('takes a session over from a connection that is still there, and closes that one', async () => {
    const client = await watching();
    const other = await gateway.connect().resume(bob.token, client.sessionId, 3);
    expect(client.socket.closed).toEqual({ code: 4009, reason: 'Session timed out' });
    await gateway.say(alice, 'dnd');
    expect(other.events).toEqual(['3 RESUMED', `4 ${ALICE} dnd`]);
    await client.drop();
    await gateway.pass(60_000);
    expect([other.socket.closed, await gateway.mode(bob)]).toEqual([null, 'online']);
  });

  it('restores her presence', async () => {
    const client = await watching();
    await client.drop();
    await gateway.pass(29_999);
    const back = await gateway.connect().resume(bob.token, client.sessionId, 3);
    await gateway.pass(80_000);
    expect(await gateway.mode(bob)).toBe('online');
    await back.drop();
    await gateway.pass(40_000);
    expect(await gateway.mode(bob)).toBe('offline');
    await gateway.connect().resume(bob.token, client.sessionId, 3);
    expect(await gateway.mode(bob)).toBe('online');
  });

  it('is no activity of hers', async () => {
    const client = await gateway.connect().identify(bob.token);
    await gateway.pass(80_000);
    await client.drop();
    await gateway.connect().resume(bob.token, client.sessionId, 1);
    const { lastActivity } = await gateway.presence.own(bob.person.id);
    expect(gateway.clock.now() - lastActivity!).toBe(80_000);
  });

  it('that reads too slowly at once can be tried again', async () => {
    const client = await watching();
    await client.drop();
    await gateway.say(alice, 'dnd');
    const slow = gateway.connect();
    slow.socket.bufferedAmount = Infinity;
    await slow.resume(bob.token, client.sessionId, 3);
    expect(slow.socket.closed?.code).toBe(4000);
    await gateway.pass(30_000);
    expect(await gateway.mode(bob)).toBe('offline');
    const back = await gateway.connect().resume(bob.token, client.sessionId, 3);
    expect(back.events).toEqual(['4 RESUMED', `4 ${ALICE} dnd`]);
  });
});

describe('sessions that nobody takes up', () => {
  it('stop watching after the window, and all at once when the gateway ends', async () => {
    const client = await watching();
    await client.drop();
    const encode = vi.spyOn(gateway.context.encoder, 'encode');
    await gateway.pass(59_999);
    await gateway.say(alice, 'idle');
    expect(encode).toHaveBeenCalledTimes(1);
    await gateway.pass(1);
    await gateway.say(alice, 'dnd');
    expect(encode).toHaveBeenCalledTimes(1);

    const held = await gateway.connect().identify(bob.token);
    gateway.context.sessions[Symbol.dispose]();
    await gateway.say(alice, 'online');
    expect(held.events).toEqual(['1 READY', `2 ${ALICE} dnd`]);
    const { sessions } = (await gateway.store.get(bob.person.id))!;
    expect(sessions.map(({ endsAt }) => endsAt - gateway.clock.now())).toEqual([165_000]);
  });
});

describe('a client that is cut off anywhere, any number of times', () => {
  const MODES = ['online', 'idle', 'dnd', 'invisible', 'offline'] as const;
  const step = fc.oneof(
    fc.record({ who: fc.nat(2), say: fc.constantFrom(...MODES), text: fc.constantFrom('', 'a', 'b') }),
    fc.record({ who: fc.nat(2), block: fc.boolean() }),
    fc.record({ keep: fc.nat(6) }),
  );

  it('ends with the view of one that never was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
        await start();
        const others = [alice, await gateway.user('382824977147236352'), await gateway.user('7')];
        await gateway.list(bob, ...others);
        const steady = await gateway.connect().identify(bob.token);
        const seen: any[] = [];
        let client = await gateway.connect().identify(bob.token);
        const { sessionId } = client;

        /** The client reads only the first `keep` frames that it has not read, and is then cut off. */
        const cut = async (keep: number) => {
          // RESUMED is not one of the numbered events.
          const events = client.frames.filter(({ op, t }) => op === 0 && t !== 'RESUMED');
          seen.push(...events.slice(0, keep));
          await client.drop();
          client = await gateway.connect().resume(bob.token, sessionId, seen.at(-1)?.s ?? 0);
        };
        for (const each of steps) {
          if ('keep' in each) await cut(each.keep);
          else if ('say' in each) await gateway.say(others[each.who]!, each.say, each.text);
          else await gateway.contacts.block(others[each.who]!.person.id, bob.person.id, each.block);
        }
        await cut(Infinity);
        expect(seen.map(({ s, t, d }) => [s, t, t === 'READY' ? null : d])).toEqual(
          steady.frames.slice(1).map(({ s, t, d }) => [s, t, t === 'READY' ? null : d]),
        );
        for (const { id, person } of others) {
          const shown = await gateway.presence.shown(bob.person.id, person);
          const last = seen.findLast(({ d }) => d.user_id === id).d;
          expect([last.status, last.custom_status]).toEqual([
            shown?.mode ?? 'offline',
            shown?.status?.text ?? null,
          ]);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('RESUME at another node', () => {
  const other = (options: GatewayOptions = {}) =>
    makeGateway({ store: gateway.store, clock: gateway.clock, node: 'another', ...options });

  it('tells how everybody is, whoever left included, with numbers that go on, and goes on from there', async () => {
    const carol = await gateway.user('175928847299117099');
    await gateway.list(bob, carol);
    const client = await gateway.connect().identify(bob.token);
    await gateway.say(alice, 'online');
    await client.drop();
    await gateway.say(carol, 'dnd', 'busy');
    await gateway.say(alice, 'offline');
    const there = other();
    const back = await there.connect().resume(bob.token, client.sessionId, 4);
    expect(back.events).toEqual(['4 RESUMED', `5 ${ALICE} offline`, `6 ${carol.id} dnd busy`]);
    await there.say(alice, 'idle');
    expect(back.events.slice(3)).toEqual([`7 ${ALICE} idle`]);
    expect(there.counted.resumed).toBe(1);
  });

  it('keeps her online, and the end of the first connection does not take that away', async () => {
    const client = await gateway.connect().identify(bob.token);
    await gateway.pass(1);
    const there = other();
    await there.connect().resume(bob.token, client.sessionId, 1);
    await client.drop();
    await there.pass(2 * GRACE);
    expect(await there.mode(bob)).toBe('online');
  });

  it('sends nothing of others to who did not ask for it', async () => {
    const client = gateway.connect();
    await client.send(2, { token: bob.token, intents: 2 });
    const back = await other().connect().resume(bob.token, client.sessionId, 1);
    expect(back.events).toEqual(['1 RESUMED']);
  });

  it('can be taken up there again, and with what was missed', async () => {
    const client = await watching();
    const there = other();
    const second = await there.connect().resume(bob.token, client.sessionId, 3);
    await second.drop();
    await there.say(alice, 'dnd');
    const third = await there.connect().resume(bob.token, client.sessionId, 4);
    expect(third.events).toEqual(['5 RESUMED', `5 ${ALICE} dnd`]);
  });

  it('and then at the first one again misses nothing, whatever each has counted', async () => {
    const client = await watching();
    await client.drop();
    const second = await other().connect().resume(bob.token, client.sessionId, 3);
    expect(second.events).toEqual(['3 RESUMED', `4 ${ALICE} online`]);
    await second.drop();
    await gateway.say(alice, 'idle');
    const third = await gateway.connect().resume(bob.token, client.sessionId, 4);
    await gateway.say(alice, 'dnd');
    expect(third.events).toEqual(['4 RESUMED', `5 ${ALICE} idle`, `6 ${ALICE} dnd`]);
  });

  it('and then at the first one again is told nothing twice', async () => {
    let opened = Promise.resolve();
    const store = new MemoryStore();
    const get: PresenceStore['get'] = async (id) => {
      if (id === bob.person.id) await opened;
      return store.get(id);
    };
    await start({ store: bendStore(store, { get }) });
    const client = await watching();
    await client.drop();
    let open = (): void => undefined;
    opened = new Promise((resolve) => (open = resolve));
    const back = gateway.connect();
    const resuming = back.resume(bob.token, client.sessionId, 4);
    await expect.poll(() => back.events).toEqual(['4 RESUMED']);
    await gateway.say(alice, 'idle');
    open();
    await resuming;
    await gateway.say(alice, 'dnd');
    expect(back.events).toEqual(['4 RESUMED', `5 ${ALICE} idle`, `6 ${ALICE} dnd`]);
  });

  it('that cannot tell everything leaves nothing to be resumed there as if it had', async () => {
    const client = await watching();
    let broken = true;
    const get: PresenceStore['get'] = (id) =>
      broken ? Promise.reject(new BridgeError('store_unavailable')) : gateway.store.get(id);
    const there = other({ store: bendStore(gateway.store, { get }) });
    await there.connect().resume(bob.token, client.sessionId, 3);
    broken = false;
    const back = await there.connect().resume(bob.token, client.sessionId, 3);
    expect(back.events).toEqual(['3 RESUMED', `4 ${ALICE} online`]);
  });

  it.each([
    ['with a key of its own', () => other({ sessionKey: 'its own' }), () => bob],
    ['by somebody else', () => other(), () => alice],
    ['that is the same one, once the session has ended', () => gateway, () => bob],
  ])('%s is refused', async (_name, node, who) => {
    const client = await watching();
    await client.drop();
    await gateway.pass(GATEWAY.resumeWindowMs);
    const back = await node().connect().resume(who().token, client.sessionId, 3);
    expect(back.frames.at(-1)).toEqual({ op: 9, d: false });
  });

  it.each([
    ['cut short', (id: string) => id.slice(2)],
    ['of another make', (id: string) => id.replace(/^./, 'x')],
    ['changed', (id: string) => (id.startsWith('0') ? '1' : '0') + id.slice(1)],
  ])('an id that was %s is refused', async (_name, bend) => {
    const client = await watching();
    const back = await other().connect().resume(bob.token, bend(client.sessionId), 3);
    expect(back.frames.at(-1)).toEqual({ op: 9, d: false });
  });
});

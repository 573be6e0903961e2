import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../../src/presence/errors.ts';
import { MODERN_WITH_BUSY } from '../../../src/protocols/matrix/dialect.ts';
import { MemoryStore } from '../../../src/stores/memory/memory-store.ts';
import { bendStore } from '../../helpers/bent-store.ts';
import { PROFILE } from '../../helpers/bridge.ts';
import { settled } from '../../helpers/settled.ts';
import {
  ALICE,
  BOB,
  deferred,
  LEASE_MS,
  makeReceiver,
  NETWORK,
  OTHER,
  presence,
  transaction,
} from './receiving.ts';

describe('presence from the homeserver', () => {
  it('is what its user is shown to be', async () => {
    const { receiver, shown, clock, outcomes, seen } = makeReceiver();
    const now = clock.now();
    await receiver.receive(
      '1',
      transaction(
        presence(ALICE, 'online', { status_msg: 'here', last_active_ago: 5000 }),
        presence(BOB, 'unavailable', { currently_active: true }),
      ),
    );
    expect(await shown(ALICE)).toEqual({
      mode: 'online',
      status: { text: 'here', emoji: null, origin: 'matrix', expiresAt: null },
      lastActivity: now - 5000,
    });
    expect(await shown(BOB)).toEqual({ mode: 'idle', status: null, lastActivity: now });
    expect([outcomes, seen]).toEqual([['applied', 'applied'], [true]]);
  });

  it('says nothing of when she was active unless the homeserver does', async () => {
    const { receiver, shown } = makeReceiver();
    await receiver.receive('1', transaction(presence(ALICE, 'online')));
    expect(await shown(ALICE)).toEqual({ mode: 'online', status: null, lastActivity: null });
  });

  it('never dates her activity before 1970', async () => {
    const { receiver, shown } = makeReceiver();
    await receiver.receive('1', transaction(presence(ALICE, 'online', { last_active_ago: 1e15 })));
    expect((await shown(ALICE))?.lastActivity).toBe(0);
  });

  it('is reported as others there see it, in the dialect of the homeserver, until the lease ends', async () => {
    const reports: unknown[] = [];
    const { receiver, clock } = makeReceiver({
      dialect: () => MODERN_WITH_BUSY,
      presence: { report: (_person, report) => Promise.resolve(void reports.push(report)) },
    });
    await receiver.receive('1', transaction(presence(ALICE, 'busy', { status_msg: 'x' })));
    expect(reports).toEqual([
      {
        network: NETWORK.name,
        dialect: MODERN_WITH_BUSY,
        mode: 'dnd',
        own: false,
        status: { text: 'x', emoji: null },
        activeAt: null,
        endsAt: clock.now() + LEASE_MS,
      },
    ]);
  });

  it('is of the linked person', async () => {
    const { receiver, person, presence: service, made } = makeReceiver();
    const linked = await person([
      { network: NETWORK.name, id: ALICE },
      { network: OTHER.name, id: '7' },
    ]);
    await receiver.receive('1', transaction(presence(ALICE, 'online')));
    expect((await service.look(linked.person.id)).shown.mode).toBe('online');
    expect(made).toEqual([]);
  });

  it('is that of the last word in a transaction, written once', async () => {
    const { receiver, shown, version } = makeReceiver();
    await receiver.receive('1', transaction(presence(ALICE, 'online'), presence(ALICE, 'unavailable')));
    expect([(await shown(ALICE))?.mode, await version(ALICE)]).toEqual(['idle', 1]);
  });

  it('is taken of a homeserver whose name has a port, too', async () => {
    const { receiver, outcomes } = makeReceiver({ serverName: 'home.test:8448' });
    await receiver.receive('1', transaction(presence('@dave:home.test:8448', 'online')));
    expect(outcomes).toEqual(['applied']);
  });

  it('counts what cannot be read', async () => {
    const { receiver, outcomes, seen } = makeReceiver();
    await receiver.receive('1', transaction(presence(ALICE, 'away'), presence(BOB, 'online')));
    await receiver.receive('2', transaction());
    expect([outcomes, seen]).toEqual([
      ['ignored', 'applied'],
      [true, false],
    ]);
  });
});

describe('what is not taken', () => {
  it('is an echo of stand-ins and of the bridge itself', async () => {
    const { receiver, outcomes, person, shown } = makeReceiver();
    const cleo = await person([{ network: OTHER.name, id: '7' }]);
    await receiver.receive(
      '1',
      transaction(presence('@_other_7:home.test', 'online'), presence('@_bridge_bot:home.test', 'online')),
    );
    expect(outcomes).toEqual(['echo', 'echo']);
    expect(cleo.person.addresses).not.toEqual([]);
    expect([await shown('@_other_7:home.test'), await shown('@_bridge_bot:home.test')]).toEqual([
      { mode: 'offline', status: null, lastActivity: null },
      null,
    ]);
  });

  it('is an echo of what the bridge wrote with her token', async () => {
    const asked: unknown[] = [];
    const { receiver, outcomes, shown } = makeReceiver({
      mirror: { echoes: (...words) => Promise.resolve(asked.push(words) === 1), echoesEnd: () => false },
    });
    await receiver.receive(
      '1',
      transaction(presence(ALICE, 'online', { status_msg: 'x' }), presence(BOB, 'unavailable')),
    );
    expect(asked).toEqual([
      [ALICE, 'online', 'x'],
      [BOB, 'unavailable', null],
    ]);
    expect(outcomes.sort()).toEqual(['applied', 'echo']);
    expect([await shown(ALICE), (await shown(BOB))?.mode]).toEqual([null, 'idle']);
  });

  it('is a user of another homeserver, unless settings say so', async () => {
    const remote = ['@carol:home.test.evil', '@dave:home.test:8448', '@home.test:else.test'];
    const body = transaction(...remote.map((id) => presence(id, 'online')));
    const closed = makeReceiver();
    await closed.receiver.receive('1', body);
    expect(closed.outcomes).toEqual(['ignored', 'ignored', 'ignored']);
    expect(closed.made).toEqual([]);
    const open = makeReceiver({ remoteUsers: true });
    await open.receiver.receive('1', body);
    expect(open.outcomes).toEqual(['applied', 'applied', 'applied']);
  });

  it('is somebody unknown who is offline and says nothing', async () => {
    const { receiver, made, outcomes, shown } = makeReceiver();
    await receiver.receive(
      '1',
      transaction(
        presence(ALICE, 'offline', { last_active_ago: 5 }),
        presence(BOB, 'offline', { status_msg: 'bye' }),
      ),
    );
    expect(made).toEqual([BOB]);
    expect(outcomes.sort()).toEqual(['applied', 'unknown']);
    expect((await shown(BOB))?.status?.text).toBe('bye');
    await receiver.receive('2', transaction(presence(BOB, 'offline')));
    expect((await shown(BOB))?.status).toBeNull();
  });

  it('is somebody whom the bridge may not make', async () => {
    const { receiver, outcomes } = makeReceiver({ newcomers: { find: () => Promise.resolve(null) } });
    await receiver.receive('1', transaction(presence(ALICE, 'online')));
    expect(outcomes).toEqual(['unknown']);
  });

  it('is anything at all where nothing is to be received', async () => {
    const { receiver, outcomes, seen, made, store } = makeReceiver({ receive: false });
    await receiver.receive('1', transaction(presence(ALICE, 'online'), presence(BOB, 'away')));
    expect([outcomes, seen, made]).toEqual([['ignored', 'ignored'], [true], []]);
    expect(await store.meta('appservice-transactions')).toBeNull();
  });

  it('is a body of the wrong shape', async () => {
    const { receiver, seen } = makeReceiver();
    await expect(receiver.receive('1', { ephemeral: [] })).rejects.toMatchObject({ code: 'bad_json' });
    expect(seen).toEqual([]);
  });
});

describe('a repeated transaction', () => {
  const first = transaction(presence(ALICE, 'online'));
  const second = transaction(presence(ALICE, 'unavailable'));

  it('changes nothing, also after a restart', async () => {
    const { receiver, restarted, shown, outcomes } = makeReceiver();
    await receiver.receive('1', first);
    await receiver.receive('2', second);
    for (const again of [receiver, restarted()]) await again.receive('1', first);
    expect((await shown(ALICE))?.mode).toBe('idle');
    expect(outcomes).toEqual(['applied', 'applied']);
  });

  it('is none when it says something else: a homeserver may count from 1 again', async () => {
    const { receiver, shown } = makeReceiver();
    const modes: unknown[] = [];
    for (const [txnId, body] of [
      ['1', first],
      ['1', second],
      ['2', first],
    ] as const) {
      await receiver.receive(txnId, body);
      modes.push((await shown(ALICE))?.mode);
    }
    expect(modes).toEqual(['online', 'idle', 'online']);
  });

  it('is one also when its events have aged', async () => {
    const { receiver, outcomes } = makeReceiver();
    for (const age of [1, 2]) await receiver.receive('1', { ...first, events: [{ unsigned: { age } }] });
    expect(outcomes).toEqual(['applied']);
  });

  it('shares the run that is under way', async () => {
    const gate = deferred();
    let reports = 0;
    const { receiver } = makeReceiver({
      presence: { report: () => (reports++, gate.promise) },
    });
    let answered = 0;
    const both = [1, 2].map(() => receiver.receive('1', first).then(() => answered++));
    await settled();
    expect([reports, answered]).toEqual([1, 0]);
    gate.resolve();
    await Promise.all(both);
    expect([reports, answered]).toEqual([1, 2]);
  });

  it('shares its failure, too', async () => {
    let reports = 0;
    const { receiver } = makeReceiver({
      presence: { report: () => Promise.reject(new BridgeError('overloaded', `${++reports}`)) },
    });
    const both = await Promise.allSettled([receiver.receive('1', first), receiver.receive('1', first)]);
    expect([reports, both.map(({ status }) => status)]).toEqual([1, ['rejected', 'rejected']]);
  });

  it('is forgotten after a hundred others', async () => {
    const { receiver, store, outcomes } = makeReceiver();
    for (let txn = 1; txn <= 101; txn++) await receiver.receive(String(txn), first);
    expect(JSON.parse((await store.meta('appservice-transactions')) ?? '')).toHaveLength(100);
    await receiver.receive('2', first);
    expect(outcomes).toHaveLength(101);
    await receiver.receive('1', first);
    expect(outcomes).toHaveLength(102);
  });

  it('costs nothing to remember when there was no presence in it', async () => {
    const { receiver, store } = makeReceiver();
    await receiver.receive('1', transaction());
    expect(await store.meta('appservice-transactions')).toBeNull();
  });
});

describe('a transaction that cannot be stored', () => {
  const refusal = new BridgeError('store_unavailable');

  it('fails with the reason, and is carried out when it comes again', async () => {
    const store = new MemoryStore();
    let full = true;
    const bent = bendStore(store, {
      compareAndSet: (...args) => (full ? Promise.reject(refusal) : store.compareAndSet(...args)),
    });
    const { receiver, shown, outcomes } = makeReceiver({}, { store: bent });
    const body = transaction(presence(ALICE, 'online'), presence(BOB, 'online'));
    await expect(receiver.receive('1', body)).rejects.toBe(refusal);
    expect(outcomes).toEqual([]);
    full = false;
    await receiver.receive('1', body);
    expect([(await shown(ALICE))?.mode, (await shown(BOB))?.mode]).toEqual(['online', 'online']);
  });

  it('is not taken for carried out when only its mark is missing', async () => {
    let full = true;
    const store = new MemoryStore();
    const { receiver, outcomes } = makeReceiver({
      directory: {
        meta: (key) => store.meta(key),
        commit: (changes) => (full ? Promise.reject(refusal) : store.commit(changes)),
      },
    });
    await expect(receiver.receive('1', transaction(presence(ALICE, 'online')))).rejects.toBe(refusal);
    full = false;
    await receiver.receive('1', transaction(presence(ALICE, 'online')));
    await receiver.receive('1', transaction(presence(ALICE, 'online')));
    expect(outcomes).toEqual(['applied', 'applied']);
  });

  it('does not hold up the next', async () => {
    let fail = true;
    const { receiver } = makeReceiver({
      presence: { report: () => (fail ? Promise.reject(refusal) : Promise.resolve()) },
    });
    const failed = receiver.receive('1', transaction(presence(ALICE, 'online')));
    await expect(failed).rejects.toBe(refusal);
    fail = false;
    await receiver.receive('2', transaction(presence(ALICE, 'online')));
  });

  it.each(['not_found', 'conflict', 'bad_parameter', 'limit_reached'] as const)(
    'is one thing, somebody refused with %s another: she would be for ever',
    async (code) => {
      const { receiver, outcomes } = makeReceiver({
        newcomers: { find: () => Promise.reject(new BridgeError(code)) },
      });
      await receiver.receive('1', transaction(presence(ALICE, 'online')));
      expect(outcomes).toEqual(['unknown']);
    },
  );

  it('is refused with an unforeseen error, too', async () => {
    const bug = new TypeError('a bug');
    const { receiver } = makeReceiver({ presence: { report: () => Promise.reject(bug) } });
    await expect(receiver.receive('1', transaction(presence(ALICE, 'online')))).rejects.toBe(bug);
  });
});

describe('under load', () => {
  it('carries out one transaction at a time, in the order in which they came', async () => {
    const order: string[] = [];
    const { receiver } = makeReceiver({
      presence: {
        report: async (_person, { mode }) => {
          order.push(`${mode} begins`);
          await settled();
          order.push(`${mode} ends`);
        },
      },
    });
    await Promise.all([
      receiver.receive('1', transaction(presence(ALICE, 'online'))),
      receiver.receive('2', transaction(presence(ALICE, 'unavailable'))),
    ]);
    expect(order).toEqual(['online begins', 'online ends', 'idle begins', 'idle ends']);
  });

  it('dates activity from when a transaction came, not from when its turn came', async () => {
    const gate = deferred();
    const dates: unknown[] = [];
    const { receiver, clock } = makeReceiver({
      presence: {
        report: async (_person, { activeAt }) => {
          dates.push(activeAt);
          await gate.promise;
        },
      },
    });
    const now = clock.now();
    const body = transaction(presence(ALICE, 'online', { last_active_ago: 0 }));
    const both = [receiver.receive('1', body), receiver.receive('2', body)];
    await settled();
    clock.advance(60_000);
    gate.resolve();
    await Promise.all(both);
    expect(dates).toEqual([now, now]);
  });

  it('works on 32 users at a time', async () => {
    let [busy, most] = [0, 0];
    const { receiver } = makeReceiver({
      presence: {
        report: async () => {
          most = Math.max(most, ++busy);
          await settled();
          busy--;
        },
      },
    });
    const users = Array.from({ length: 100 }, (_, index) => presence(`@u${index}:home.test`, 'online'));
    await receiver.receive('1', transaction(...users));
    expect(most).toBe(32);
  });

  it('refuses more than it can queue', async () => {
    const gate = deferred();
    const { receiver } = makeReceiver({ presence: { report: () => gate.promise } });
    const body = transaction(presence(ALICE, 'online'));
    const queued = Array.from({ length: 16 }, (_, txn) => receiver.receive(`${txn}`, body));
    await expect(receiver.receive('16', body)).rejects.toMatchObject({ code: 'overloaded' });
    gate.resolve();
    await Promise.all(queued);
    await receiver.receive('16', body);
  });

  it('survives the backlog of a first start', async () => {
    const { receiver, made, outcomes, shown, person } = makeReceiver();
    await person([{ network: NETWORK.name, id: '@u2:home.test' }], PROFILE);
    const words = ['online', 'unavailable', 'offline'] as const;
    const told = Array.from({ length: 900 }, (_, index) =>
      presence(`@u${index % 300}:home.test`, words[index % 3] ?? 'online', { last_active_ago: index }),
    );
    const ghosts = Array.from({ length: 100 }, (_, index) =>
      presence(`@_other_${index}:home.test`, 'online'),
    );
    for (let part = 0; part < 10; part++) {
      const body = transaction(
        ...told.slice(part * 90, part * 90 + 90),
        ...ghosts.slice(part * 10, part * 10 + 10),
      );
      await receiver.receive(`${part}`, body);
    }
    expect(outcomes.filter((outcome) => outcome === 'echo')).toHaveLength(100);
    expect(new Set(made).size).toBe(200);
    expect([(await shown('@u0:home.test'))?.mode, (await shown('@u1:home.test'))?.mode]).toEqual([
      'online',
      'idle',
    ]);
    expect((await shown('@u2:home.test'))?.lastActivity).not.toBeNull();
    expect(await shown('@u5:home.test')).toBeNull();
  });
});

describe('what may have been lost', () => {
  it('is known by transactions that were carried out, by those that were not, and by whom they tell of', async () => {
    let broken = false;
    const { receiver, caughtUp } = makeReceiver({
      presence: {
        report: () => (broken ? Promise.reject(new BridgeError('overloaded')) : Promise.resolve()),
      },
    });
    await receiver.receive('1', { events: [] });
    await receiver.receive('2', transaction(presence(ALICE, 'online')));
    broken = true;
    await receiver.receive('3', transaction(presence(ALICE, 'offline'))).catch(() => undefined);
    expect(caughtUp).toEqual([
      'carried out nothing',
      `heard ${ALICE}`,
      'carried out',
      `heard ${ALICE}`,
      'again',
    ]);
  });

  it('is nobody where nothing is received', async () => {
    const { receiver, caughtUp } = makeReceiver({ receive: false });
    await receiver.receive('1', transaction(presence(ALICE, 'online')));
    expect(caughtUp).toEqual([]);
  });
});

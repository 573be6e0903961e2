import { Writable } from 'node:stream';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { BridgeError } from '../../../../src/presence/errors.ts';
import type { MatrixApp } from '../matrix-app.ts';
import { makeApp, statusPath } from '../matrix-app.ts';
import type { Reader } from './syncing.ts';
import { device, hold, invite, pass, sync, told } from './syncing.ts';

let app: MatrixApp;
beforeEach(async () => {
  app = await makeApp();
});

/** What Bob sees of Alice. */
async function seen(): Promise<string> {
  return (await app.call('GET', statusPath(app.alice.id), app.bob)).json().presence;
}

/** Syncs without a break for so long, with polls of 30 s. */
async function keepSyncing(who: Reader, ms: number, says: Record<string, string> = {}): Promise<void> {
  let since: string = (await sync(app, who, says)).next_batch;
  for (let elapsed = 0; elapsed < ms;) {
    const held = await hold(app, who, { ...says, since, timeout: 30_000 });
    if (!held.answered) {
      elapsed += 30_000;
      await pass(app, 30_000);
    }
    since = (await held.reply).json().next_batch;
  }
}

describe('set_presence', () => {
  it.each([
    { says: {}, becomes: 'online' },
    { says: { set_presence: 'online' }, becomes: 'online' },
    { says: { set_presence: 'unavailable' }, becomes: 'unavailable' },
    { says: { set_presence: 'offline' }, becomes: 'offline' },
  ])('$says makes her $becomes', async ({ says, becomes }) => {
    await sync(app, app.alice, says);
    expect(await seen()).toBe(becomes);
    await keepSyncing(app.alice, 600_000, says);
    expect(await seen()).toBe(becomes);
  });

  it('offline is no statement: it takes nothing back and writes nothing', async () => {
    await sync(app, app.alice);
    const before = await app.store.get(app.alice.person.id);
    await sync(app, app.alice, { set_presence: 'offline' });
    expect(await app.store.get(app.alice.person.id)).toEqual(before);
  });

  it('unavailable is no activity', async () => {
    await sync(app, app.alice);
    await pass(app, 20_000);
    await sync(app, app.alice, { set_presence: 'unavailable' });
    const reply = await app.call('GET', statusPath(app.alice.id), app.bob);
    expect(reply.json()).toMatchObject({ presence: 'unavailable', last_active_ago: 20_000 });
  });

  it.each(['dnd', 'invisible'] as const)('leaves %s and the status text alone', async (mode) => {
    await app.elsewhere(app.alice, mode, { kind: 'set', text: 'mine', emoji: null });
    await sync(app, app.alice);
    expect(await app.presence.own(app.alice.person.id)).toMatchObject({ mode, status: { text: 'mine' } });
  });

  it('is told to those who watch, once', async () => {
    await invite(app, app.bob, app.alice);
    let since = (await sync(app, app.bob)).next_batch;
    const held = await hold(app, app.bob, { since, timeout: 60_000 });
    await sync(app, app.alice);
    const body = (await held.reply).json();
    expect(told(body)).toEqual(['alice online']);
    since = body.next_batch;
    const next = await hold(app, app.bob, { since, timeout: 60_000 });
    await sync(app, app.alice);
    await pass(app, 10_000);
    await sync(app, app.alice);
    expect(next.answered).toBe(false);
  });
});

describe('the end of a session', () => {
  it('comes the grace after a sync without a timeout', async () => {
    await sync(app, app.alice);
    await pass(app, 29_999);
    expect(await seen()).toBe('online');
    await pass(app, 1);
    expect(await seen()).toBe('offline');
  });

  it('comes the grace after the poll, however long that was held', async () => {
    const { next_batch: since } = await sync(app, app.alice);
    const held = await hold(app, app.alice, { since, timeout: 60_000 });
    await pass(app, 60_000);
    expect(held.answered).toBe(true);
    await pass(app, 29_999);
    expect(await seen()).toBe('online');
    await pass(app, 1);
    expect(await seen()).toBe('offline');
  });

  it('comes the grace after a poll that was answered early', async () => {
    await invite(app, app.alice, app.bob);
    const { next_batch: since } = await sync(app, app.alice);
    const held = await hold(app, app.alice, { since, timeout: 60_000 });
    await pass(app, 5000);
    await app.elsewhere(app.bob, 'online');
    await held.reply;
    await pass(app, 30_000);
    expect(await seen()).toBe('offline');
  });

  it('waits for the other poll of the same device', async () => {
    const { next_batch: since } = await sync(app, app.alice);
    const long = await hold(app, app.alice, { since, timeout: 60_000 });
    const short = await hold(app, app.alice, { since, timeout: 1000 });
    await pass(app, 1000);
    expect([short.answered, long.answered]).toEqual([true, false]);
    await pass(app, 88_999);
    expect(await seen()).toBe('online');
    await pass(app, 1);
    expect(await seen()).toBe('offline');
  });

  it('writes nothing when the poll took its time', async () => {
    const { next_batch: since } = await sync(app, app.alice);
    const held = await hold(app, app.alice, { since, timeout: 20_000 });
    const before = await app.store.get(app.alice.person.id);
    await pass(app, 20_000);
    await held.reply;
    expect(await app.store.get(app.alice.person.id)).toEqual(before);
  });
});

describe('several devices', () => {
  it('are as present as the best of them, and one that leaves takes nobody offline', async () => {
    const phone = await device(app, app.alice);
    await sync(app, app.alice, { set_presence: 'unavailable' });
    expect(await seen()).toBe('unavailable');
    await sync(app, phone);
    expect(await seen()).toBe('online');
    await pass(app, 20_000);
    await sync(app, app.alice, { set_presence: 'unavailable' });
    expect(await seen()).toBe('online');
    await pass(app, 10_000);
    expect(await seen()).toBe('unavailable');
    await pass(app, 20_000);
    expect(await seen()).toBe('offline');
  });
});

describe('a session that cannot be stored', () => {
  it('is logged and does not disturb the reading', async () => {
    const lines: string[] = [];
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        lines.push(chunk.toString());
        done();
      },
    });
    app = await makeApp({ logger: pino({ level: 'warn' }, stream) });
    app.store.compareAndSet = () => Promise.reject(new BridgeError('store_unavailable'));
    const reply = await app.call('GET', 'v3/sync', app.alice);
    expect([reply.statusCode, told(reply.json())]).toEqual([200, ['alice offline']]);
    expect(lines).toEqual([expect.stringContaining('a session could not be kept')]);
  });

  it('is 503 when what it reads cannot be read, and forgotten when it can', async () => {
    const { relations } = app.store;
    const contactsOf = relations.contactsOf.bind(relations);
    relations.contactsOf = () => Promise.reject(new BridgeError('overloaded'));
    const reply = await app.call('GET', 'v3/sync', app.alice);
    expect([reply.statusCode, reply.headers['retry-after']]).toEqual([503, '1']);
    relations.contactsOf = contactsOf;
    expect((await app.call('GET', 'v3/sync', app.alice)).statusCode).toBe(200);
  });
});

import { describe, expect, it } from 'vitest';
import { Homeserver } from '../../../src/connectors/matrix/homeserver.ts';
import { updateOf } from '../../../src/protocols/matrix/appservice.ts';
import { ManualClock } from '../../helpers/clock.ts';
import { settled } from '../../helpers/settled.ts';
import { ALICE, BOB, deferred, makeReceiver } from './receiving.ts';

const said = (word: string) => updateOf(ALICE, { presence: word }) ?? expect.unreachable();

describe('what is said of one user', () => {
  it('is reported one after the other, of others meanwhile', async () => {
    const order: string[] = [];
    const gate = deferred();
    const { reporting } = makeReceiver({
      presence: {
        report: async (_person, { mode }) => {
          order.push(mode);
          if (mode === 'online') await gate.promise;
        },
      },
    });
    const bob = updateOf(BOB, { presence: 'busy' }) ?? expect.unreachable();
    const all = [said('online'), said('unavailable'), bob].map((update) => reporting.take(update, 0));
    await settled();
    expect(order).toEqual(['online', 'dnd']);
    gate.resolve();
    await Promise.all(all);
    expect(order).toEqual(['online', 'dnd', 'idle']);
  });

  it('is dropped when it is outdated once its turn comes', async () => {
    let outdated = false;
    const gate = deferred();
    const { reporting, outcomes, shown } = makeReceiver({
      mirror: { echoes: (_id, word) => gate.promise.then(() => word === 'never'), echoesEnd: () => false },
    });
    const first = reporting.take(said('online'), 0);
    const second = reporting.take(said('offline'), 0, () => outdated);
    outdated = true;
    gate.resolve();
    await Promise.all([first, second]);
    expect([outcomes, (await shown(ALICE))?.mode]).toEqual([['applied'], 'online']);
  });
});

describe('presence that is read', () => {
  const read = (status: number, body: object) => {
    const text = JSON.stringify(body);
    const reply = { status, headers: {}, bytes: Buffer.from(text), text };
    const outbound = { request: () => Promise.resolve(reply) };
    return new Homeserver({ outbound, asToken: 'x', clock: new ManualClock() }).presence(ALICE);
  };

  it.each([
    [403, 'M_FORBIDDEN'],
    [404, 'M_NOT_FOUND'],
  ])('is that of nobody where it answers %d %s', async (status, errcode) => {
    expect(await read(status, { errcode })).toBeNull();
  });

  it.each([
    [403, 'M_UNKNOWN_TOKEN', 'unknown_token'],
    [401, 'M_UNKNOWN_TOKEN', 'unknown_token'],
    [400, 'M_INVALID_PARAM', 'refused'],
    [429, 'M_LIMIT_EXCEEDED', 'rate_limited'],
  ])('is a fault where it answers %d %s', async (status, errcode, kind) => {
    await expect(read(status, { errcode })).rejects.toMatchObject({ kind });
  });

  it('may be odd in all but its word', async () => {
    const odd = { presence: 'online', status_msg: 5, last_active_ago: -1, currently_active: 'yes', x: 1 };
    const nothing = { status_msg: null, last_active_ago: null, currently_active: null };
    expect(await read(200, odd)).toEqual({ presence: 'online', ...nothing });
    await expect(read(200, { presence: 5 })).rejects.toMatchObject({ kind: 'garbage' });
  });
});

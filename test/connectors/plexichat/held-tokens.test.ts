import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { PlexichatFault } from '../../../src/connectors/plexichat/fault.ts';
import { Sealing } from '../../../src/connectors/plexichat/sealing.ts';
import type { Person } from '../../../src/presence/identity.ts';
import { PLEXICHAT } from '../../../src/protocols/plexichat/ids.ts';
import type { World } from './world.ts';
import { makeWorld, other } from './world.ts';

const ANN = '2001';
const TOKEN = '9.secret-of-ann';
const account = { network: PLEXICHAT, id: ANN };

let world: World;
let ann: Person;

beforeEach(async () => {
  world = makeWorld();
  await world.ready();
  ann = await world.linked(ANN);
  world.server.owners.set(TOKEN, ANN);
  return () => world[Symbol.asyncDispose]();
});

const give = (token: string, person = ann) => world.held.give(person, token);

describe('a token that is given', () => {
  it('is kept encrypted, and replaced by the next', async () => {
    await give(TOKEN);
    expect(await world.held.of(ann.id)).toBe(TOKEN);
    expect(await world.held.people()).toEqual([ann.id]);
    const kept = await world.store.heldTokens.of(account);
    expect(kept?.givenAt).toBe(world.clock.now());
    for (const form of ['utf8', 'base64url', 'hex'] as const) {
      expect(kept?.sealed).not.toContain(Buffer.from(TOKEN).toString(form));
    }
    await give(TOKEN);
    expect((await world.store.heldTokens.of(account))?.sealed).not.toBe(kept?.sealed);
    expect(await world.store.heldTokens.all(PLEXICHAT)).toHaveLength(1);
  });

  it('is taken back for good', async () => {
    await give(TOKEN);
    await world.revoke(ann.id);
    await world.revoke(ann.id);
    expect(await world.held.of(ann.id)).toBeNull();
    expect(await world.held.people()).toEqual([]);
    expect(await world.store.heldTokens.of(account)).toBeNull();
  });

  it('must be of her own account', async () => {
    world.server.owners.set('9.of-ben', '2002');
    await expect(give('9.of-ben')).rejects.toMatchObject({ code: 'bad_parameter' });
    const dora = (await world.person([{ network: other.name, id: '@dora' }])).person;
    await expect(give(TOKEN, dora)).rejects.toMatchObject({ code: 'bad_parameter' });
    expect(await world.store.heldTokens.all(PLEXICHAT)).toEqual([]);
  });

  it('must be no bot token, which would act as the owner, and is not even tried', async () => {
    world.server.owners.set('bot.5.x', ANN);
    const calls = world.server.calls.length;
    await expect(give('bot.5.x')).rejects.toMatchObject({
      code: 'bad_parameter',
      message: 'A bot token acts as the owner of the bot; give a token of your own account',
    });
    await expect(give('9.x\r\nX-Evil: 1')).rejects.toMatchObject({ code: 'bad_parameter' });
    expect(world.server.calls).toHaveLength(calls);
  });

  it.each([
    ['unauthorized', 'bad_parameter'],
    ['forbidden', 'bad_parameter'],
    ['refused', 'bad_parameter'],
    ['rate_limited', 'overloaded'],
    ['unavailable', 'overloaded'],
    ['garbage', 'overloaded'],
  ] as const)('is answered %s by the server: %s', async (kind, code) => {
    const error = new PlexichatFault(kind, { retryAfterMs: 7000 });
    world.server.fails = () => ({ when: 'before', error });
    const retryAfterMs = code === 'overloaded' ? 7000 : null;
    await expect(give(TOKEN)).rejects.toMatchObject({ code, retryAfterMs });
    expect(await world.held.of(ann.id)).toBeNull();
  });

  it('is not taken where there is no key', async () => {
    await world[Symbol.asyncDispose]();
    world = makeWorld({ token_key: undefined });
    const person = await world.linked(ANN);
    world.server.owners.set(TOKEN, ANN);
    await expect(world.held.give(person, TOKEN)).rejects.toMatchObject({ code: 'bad_parameter' });
  });
});

describe('a token that cannot be read', () => {
  it('counts as none, and is said once', async () => {
    const foreign = new Sealing(randomBytes(32).toString('base64url'), randomBytes).seal(TOKEN, ANN);
    await world.store.commit([
      { row: 'held-token', address: account, value: { sealed: foreign, givenAt: 1 } },
    ]);
    expect(await world.held.of(ann.id)).toBeNull();
    expect(await world.held.people()).toEqual([]);
    expect(await world.held.of(ann.id)).toBeNull();
    expect(world.log.filter(({ level }) => level === 'warn')).toHaveLength(1);
    await give(TOKEN);
    expect(await world.held.of(ann.id)).toBe(TOKEN);
  });

  it('is one that was kept for another account', async () => {
    await give(TOKEN);
    const kept = await world.store.heldTokens.of(account);
    const ben = await world.linked('2002');
    const address = { network: PLEXICHAT, id: '2002' };
    await world.store.commit([{ row: 'held-token', address, value: { sealed: kept!.sealed, givenAt: 1 } }]);
    expect(await world.held.of(ben.id)).toBeNull();
  });
});

describe('a token that the server refuses', () => {
  beforeEach(() => give(TOKEN));

  it('is forgotten once the server says so itself', async () => {
    expect(await world.held.doubt(ann.id, TOKEN)).toBe(false);
    world.server.owners.delete(TOKEN);
    expect(await world.held.doubt(ann.id, TOKEN)).toBe(true);
    expect(await world.held.of(ann.id)).toBeNull();
    const warnings = world.log.filter(({ level }) => level === 'warn');
    expect(warnings).toEqual([{ level: 'warn', details: { person: ann.id }, message: expect.any(String) }]);
    expect(JSON.stringify(world.log)).not.toContain('secret');
  });

  it('is kept when the server cannot say, or she gave another one meanwhile', async () => {
    for (const kind of ['rate_limited', 'unavailable', 'garbage', 'forbidden'] as const) {
      world.server.fails = () => ({ when: 'before', error: new PlexichatFault(kind) });
      expect(await world.held.doubt(ann.id, TOKEN)).toBe(false);
    }
    world.server.fails = () => null;
    world.server.owners.delete(TOKEN);
    world.server.owners.set('9.new', ANN);
    await give('9.new');
    expect(await world.held.doubt(ann.id, TOKEN)).toBe(false);
    expect(await world.held.of(ann.id)).toBe('9.new');
  });
});

describe('sealing', () => {
  const key = randomBytes(32).toString('base64url');
  const sealing = new Sealing(key, randomBytes);

  it('opens what it sealed, with the same key, for the same account, unchanged', () => {
    const sealed = sealing.seal('tökén', ANN);
    expect(new Sealing(key, randomBytes).open(sealed, ANN)).toBe('tökén');
    expect(sealing.open(sealed, '2002')).toBeNull();
    expect(new Sealing(randomBytes(32).toString('base64url'), randomBytes).open(sealed, ANN)).toBeNull();
    const bytes = Buffer.from(sealed, 'base64url');
    for (let at = 0; at < bytes.length; at++) {
      const bent = Buffer.from(bytes);
      bent.writeUInt8(bent.readUInt8(at) ^ 1, at);
      expect(sealing.open(bent.toString('base64url'), ANN)).toBeNull();
    }
    for (const short of ['', 'AAAA', sealed.slice(0, 36)]) expect(sealing.open(short, ANN)).toBeNull();
  });

  it('uses 12 fresh bytes for each nonce, and needs a key of 32', () => {
    const asked: number[] = [];
    const counting = new Sealing(key, (bytes) => {
      asked.push(bytes);
      return randomBytes(bytes);
    });
    expect(counting.seal('a', ANN).slice(0, 16)).not.toBe(counting.seal('a', ANN).slice(0, 16));
    expect(asked).toEqual([12, 12]);
    expect(() => new Sealing('short', randomBytes)).toThrow();
  });
});

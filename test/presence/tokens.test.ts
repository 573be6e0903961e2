import { describe, expect, it } from 'vitest';
import type { PersonId } from '../../src/presence/identity.ts';
import { LOUD, QUIET } from './dialects.ts';
import type { World } from './world.ts';
import { makeWorld } from './world.ts';

async function issue(world: World, person: PersonId, deviceId?: string) {
  return world.tokens.issue(person, LOUD, (secret) => `T${secret}`, deviceId);
}

describe('tokens', () => {
  it('speak for their person, network and device', async () => {
    const world = makeWorld();
    const { id } = await world.born('a', null);
    const { token } = await issue(world, id, 'phone');
    expect(token).toMatch(/^T[\w-]{43}$/);
    expect(await world.tokens.verify(token)).toEqual({ person: id, network: LOUD, deviceId: 'phone' });
    expect(await world.tokens.verify(`${token}x`)).toBeNull();
  });

  it('have a device of their own unless one is named', async () => {
    const world = makeWorld();
    const { id } = await world.born('a', null);
    const [one, two] = [await issue(world, id), await issue(world, id)];
    expect(one.deviceId).not.toBe('');
    expect(one.deviceId).not.toBe(two.deviceId);
    expect((await world.tokens.verify(one.token))?.deviceId).toBe(one.deviceId);
  });

  it('are kept without their text', async () => {
    const world = makeWorld();
    const { id } = await world.born('a', null);
    const { token, id: tokenId } = await issue(world, id, 'phone');
    const list = await world.tokens.list(id);
    expect(list).toMatchObject([
      { id: tokenId, person: id, network: LOUD, deviceId: 'phone', createdAt: world.clock.now() },
    ]);
    expect(tokenId).toHaveLength(16);
    expect(JSON.stringify(list)).not.toContain(token);
    expect(token).not.toContain(tokenId);
  });

  it('are revoked at once by text, by id, or all together', async () => {
    const world = makeWorld();
    const { id } = await world.born('a', null);
    const issued = [];
    for (const device of ['a', 'b', 'c', 'd']) issued.push(await issue(world, id, device));
    // The gate remembers live tokens; a revocation must reach it.
    for (const { token } of issued) await world.gate.admit(token, 'ip');
    const left = async () => (await world.tokens.list(id)).map(({ deviceId }) => deviceId);

    await world.tokens.revoke(id, issued[1]!.token);
    expect(await left()).toEqual(['a', 'c', 'd']);
    await world.tokens.revoke(id, issued[2]!.id);
    expect(await left()).toEqual(['a', 'd']);
    await expect(world.gate.admit(issued[1]!.token, 'ip')).rejects.toMatchObject({ code: 'unknown_token' });
    await world.tokens.revoke(id);
    expect(await left()).toEqual([]);
    await expect(world.gate.admit(issued[0]!.token, 'ip')).rejects.toMatchObject({ code: 'unknown_token' });
  });

  it('of somebody else, or long revoked, cannot be revoked', async () => {
    const world = makeWorld();
    const [hers, his] = [await world.born('a', null), await world.born('b', null)];
    const { token, id } = await issue(world, his.id);
    for (const which of [token, id, 'nonsense', '']) {
      await expect(world.tokens.revoke(hers.id, which)).rejects.toMatchObject({ code: 'not_found' });
    }
    expect(await world.tokens.verify(token)).not.toBeNull();
    await expect(world.tokens.revoke(hers.id)).resolves.toBeUndefined();
  });

  it('are of one network only', async () => {
    const world = makeWorld();
    const { id } = await world.born('a', 'b');
    const { token } = await issue(world, id);
    expect((await world.gate.admit(token, 'ip', LOUD)).person).toBe(id);
    await expect(world.gate.admit(token, 'ip', QUIET)).rejects.toMatchObject({ code: 'unknown_token' });
  });
});

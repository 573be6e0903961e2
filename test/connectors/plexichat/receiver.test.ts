import { describe, expect, it } from 'vitest';
import { Echoes } from '../../../src/connectors/plexichat/echoes.ts';
import { ManualClock } from '../../helpers/clock.ts';
import { settled } from '../../helpers/settled.ts';
import { makeWorld } from './world.ts';

const ANN = '2001';

describe('what the gateway says', () => {
  it('makes a person of somebody who is seen for the first time', async () => {
    await using world = makeWorld();
    await world.ready();
    world.server.write(ANN, 'dnd', { text: 'busy' });
    await settled();
    expect(await world.shown(ANN)).toMatchObject({ mode: 'dnd', text: 'busy' });
    expect((await world.find(ANN))?.displayName).toBe(`user ${ANN}`);
    expect(world.counts.get('received applied')).toBe(1);
  });

  it('makes her with the picture that the lists show', async () => {
    await using world = makeWorld();
    world.server.friends.add(ANN);
    world.server.pictures.set(ANN, 'https://plexichat.test/ann');
    world.server.write(ANN, 'online');
    await world.ready();
    expect(await world.find(ANN)).toMatchObject({
      displayName: `user ${ANN}`,
      avatarUrl: 'https://plexichat.test/ann',
    });
    expect(world.server.calls.filter(({ call }) => call === 'user')).toEqual([]);
  });

  it('makes her with the picture of her profile where nothing else tells of one', async () => {
    await using world = makeWorld();
    await world.ready();
    world.server.pictures.set(ANN, 'https://plexichat.test/ann');
    world.server.events.relationship({ userId: ANN, username: 'ann', mode: 'online', isFriend: true });
    await settled();
    expect(await world.find(ANN)).toMatchObject({ avatarUrl: 'https://plexichat.test/ann' });
  });

  it('makes nobody of somebody who goes offline', async () => {
    await using world = makeWorld();
    await world.ready();
    world.server.write(ANN, 'offline', { text: 'gone' });
    await settled();
    expect(await world.find(ANN)).toBeNull();
    expect(world.counts.get('received unknown')).toBe(1);
  });

  it('leaves the status alone when the event does not tell it', async () => {
    await using world = makeWorld();
    await world.ready();
    world.server.write(ANN, 'online', { text: 'here', emoji: '☕' });
    await settled();
    world.server.write(ANN, 'idle');
    await settled();
    expect(await world.shown(ANN)).toMatchObject({ mode: 'idle', text: 'here', emoji: '☕' });
    world.server.write(ANN, 'idle', { text: null });
    await settled();
    expect(await world.shown(ANN)).toMatchObject({ text: null, emoji: null });
  });

  it('ignores the account of the bridge and ids that no account can have', async () => {
    await using world = makeWorld();
    await world.ready();
    const standIn = String((0x3ffn << 12n) | (5n << 22n));
    for (const id of [world.server.bridge.id, standIn, '01', 'x']) world.server.write(id, 'online');
    await settled();
    expect(await world.find(world.server.bridge.id)).toBeNull();
    expect(await world.find(standIn)).toBeNull();
    expect(world.counts.get('received ignored')).toBe(4);
    expect(world.troubles).toEqual([]);
  });

  it('takes of a burst the newest word, with the last status that was told', async () => {
    await using world = makeWorld();
    await world.ready();
    world.server.write(ANN, 'online');
    await settled();
    const tell = world.server.events.presence.bind(world.server.events);
    tell({ userId: ANN, mode: 'idle', status: { text: 'kept', emoji: null } });
    for (let turn = 0; turn < 500; turn++) tell({ userId: ANN, mode: 'idle', status: undefined });
    tell({ userId: ANN, mode: 'dnd', status: undefined });
    await settled();
    expect(await world.shown(ANN)).toMatchObject({ mode: 'dnd', text: 'kept' });
    expect(world.counts.get('received applied')).toBeLessThan(5);
  });

  it('never takes a status that comes with going away, not even by way of a later word', async () => {
    await using world = makeWorld();
    await world.ready();
    world.server.write(ANN, 'online', { text: 'open' });
    await settled();
    world.server.write(ANN, 'invisible', { text: 'secret' });
    world.server.rows.set(ANN, { ...world.server.row(ANN), status: { text: 'open', emoji: null } });
    world.server.write(ANN, 'online');
    await settled();
    expect(await world.shown(ANN)).toMatchObject({ mode: 'online', text: 'open' });
  });

  it('never takes such a status out of a burst', async () => {
    await using world = makeWorld();
    await world.ready();
    world.server.write(ANN, 'online', { text: 'open' });
    await settled();
    const tell = world.server.events.presence.bind(world.server.events);
    tell({ userId: ANN, mode: 'idle', status: undefined });
    tell({ userId: ANN, mode: 'offline', status: { text: 'secret', emoji: null } });
    tell({ userId: ANN, mode: 'online', status: undefined });
    await settled();
    expect(await world.shown(ANN)).toMatchObject({ mode: 'online', text: 'open' });
  });

  it('goes offline once: what invisible people do is not seen', async () => {
    await using world = makeWorld();
    await world.ready();
    world.server.write(ANN, 'online');
    await settled();
    world.clock.advance(1000);
    world.server.write(ANN, 'invisible');
    await settled();
    const before = await world.shown(ANN);
    const version = (await world.presence.look((await world.find(ANN))!.id)).version;
    expect(before).toMatchObject({ mode: 'offline', lastActivity: world.clock.now() });
    world.clock.advance(1000);
    world.server.write(ANN, 'invisible', { text: 'still here' });
    world.server.write(ANN, 'offline', { text: 'still here' });
    await settled();
    expect(await world.shown(ANN)).toEqual(before);
    expect((await world.presence.look((await world.find(ANN))!.id)).version).toBe(version);
  });

  it('maps a raw `invisible` to offline', async () => {
    await using world = makeWorld();
    await world.ready();
    world.server.write(ANN, 'online');
    await settled();
    world.server.dropsEvents = true;
    world.server.write(ANN, 'invisible');
    world.server.events.presence({ userId: ANN, mode: 'invisible', status: { text: 'raw', emoji: null } });
    await settled();
    expect(await world.shown(ANN)).toMatchObject({ mode: 'offline', text: null });
    expect(await world.feed(ANN)).toMatchObject({ mode: 'offline' });
  });

  it('says what the store refused and goes on', async () => {
    await using world = makeWorld();
    await world.ready();
    const report = world.presence.report.bind(world.presence);
    world.presence.report = () => Promise.reject(new Error('disk'));
    world.server.write(ANN, 'online');
    await settled();
    expect(world.log.filter(({ level }) => level === 'warn')).toHaveLength(1);
    world.presence.report = report;
    world.server.write(ANN, 'idle');
    await settled();
    expect(await world.shown(ANN)).toMatchObject({ mode: 'idle' });
  });
});

describe('echoes', () => {
  const none = { text: null, emoji: null };

  it('are known while the write is under way and for 10 s after', () => {
    const clock = new ManualClock();
    const echoes = new Echoes(clock);
    echoes.expect(ANN, 'online', null);
    clock.advance(60_000);
    expect(echoes.take(ANN, 'online')).toBe('bridge');
    const answered = echoes.expect(ANN, 'online', null);
    answered();
    clock.advance(9_999);
    expect(echoes.take(ANN, 'online')).toBe('bridge');
    echoes.expect(ANN, 'online', null)();
    clock.advance(10_000);
    expect(echoes.take(ANN, 'online')).toBe('late');
    expect(echoes.take(ANN, 'online')).toBe('hers');
    echoes.expect(ANN, 'online', null)();
    clock.advance(69_999);
    echoes.expect('2002', 'online', null);
    expect(echoes.take(ANN, 'online')).toBe('late');
    echoes.expect(ANN, 'online', null)();
    clock.advance(70_000);
    expect(echoes.take(ANN, 'online')).toBe('hers');
  });

  it('are rather of a write just made than of one long ago', () => {
    const clock = new ManualClock();
    const echoes = new Echoes(clock);
    echoes.expect(ANN, 'idle', null)();
    clock.advance(15_000);
    echoes.expect(ANN, 'idle', null)();
    expect([1, 2, 3].map(() => echoes.take(ANN, 'idle'))).toEqual(['bridge', 'late', 'hers']);
  });

  it('are dropped once of each write', () => {
    const echoes = new Echoes(new ManualClock());
    echoes.expect(ANN, 'idle', null);
    echoes.expect(ANN, 'idle', null);
    expect([1, 2, 3].map(() => echoes.take(ANN, 'idle'))).toEqual(['bridge', 'bridge', 'hers']);
  });

  it('are only the same words of the same user', () => {
    const echoes = new Echoes(new ManualClock());
    echoes.expect(ANN, 'idle', { text: 'a', emoji: null });
    expect(echoes.take('2002', 'idle')).toBe('hers');
    expect(echoes.take(ANN, 'dnd')).toBe('hers');
    expect(echoes.take(ANN, 'idle', { text: 'b', emoji: null })).toBe('hers');
    expect(echoes.take(ANN, 'idle', { text: 'a', emoji: null })).toBe('bridge');
    echoes.expect(ANN, 'idle', null);
    expect(echoes.take(ANN, 'idle', { text: 'a', emoji: null })).toBe('hers');
    expect(echoes.take(ANN, 'idle', none)).toBe('bridge');
  });
});

import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { Outbound } from '../../../src/connectors/outbound.ts';
import { PlexichatBudgets } from '../../../src/connectors/plexichat/budgets.ts';
import { GatewayClient } from '../../../src/connectors/plexichat/gateway-client.ts';
import { PlexichatRest } from '../../../src/connectors/plexichat/rest.ts';
import type { Clock } from '../../../src/presence/clock.ts';
import type { Person } from '../../../src/presence/identity.ts';
import { PLEXICHAT } from '../../../src/protocols/plexichat/ids.ts';
import type { ManualClock } from '../../helpers/clock.ts';
import { START } from '../../helpers/clock.ts';
import type { PlexichatServerOptions } from '../../helpers/plexichat-server/options.ts';
import type { Credentials, PlexichatServer } from '../../helpers/plexichat-server/server.ts';
import { startPlexichatServer } from '../../helpers/plexichat-server/server.ts';
import type { World } from './world.ts';
import { makeWorld, other, SETTINGS } from './world.ts';

/** How long something may take that goes over sockets, ms; machines may be slow. */
const PATIENCE_MS = 20_000;

let owned: (() => unknown)[];
let peer: PlexichatServer;
let world: World;
let bridge: Credentials;
let ann: Credentials;

beforeEach(() => {
  owned = [];
  return async () => {
    for (const end of owned.reverse()) await end();
  };
});

/** A server on loopback, where the bridge has one friend, and the bridge beside it. */
async function begin(
  options: Partial<PlexichatServerOptions> = {},
  settings: Partial<typeof SETTINGS> = {},
): Promise<void> {
  const late: { clock: ManualClock | null } = { clock: null };
  const clock: Clock = {
    now: () => late.clock?.now() ?? START,
    after: (ms, task) => late.clock!.after(ms, task),
  };
  peer = await startPlexichatServer({ clock, ...options });
  owned.push(() => peer[Symbol.asyncDispose]());
  bridge = peer.addUser({ username: 'bridge' });
  ann = peer.addUser({ username: 'ann' });
  peer.befriend(bridge.id, ann.id);
  world = makeWorld({ token: bridge.token, ...settings }, undefined, (manual) => {
    late.clock = manual;
    return wireTo(peer.url, manual);
  });
  owned.push(() => world[Symbol.asyncDispose]());
}

function wireTo(baseUrl: string, clock: ManualClock) {
  const budgets = new PlexichatBudgets({ requestsPerMinute: 60, requestsPerDay: 9000, bypass: false, clock });
  const outbound = new Outbound({
    baseUrl,
    timeoutMs: 5000,
    maxBodyBytes: 1_000_000,
    connections: 4,
    userAgent: 'test',
  });
  owned.push(
    () => outbound[Symbol.asyncDispose](),
    () => budgets[Symbol.dispose](),
  );
  return {
    server: new PlexichatRest({ outbound, budgets, clock, baseUrl }),
    gateway: (
      options: Pick<ConstructorParameters<typeof GatewayClient>[0], 'token' | 'checkToken' | 'events'>,
    ) => new GatewayClient({ baseUrl, budgets, clock, random: () => 0, ...options }),
  };
}

async function eventually(holds: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    if (await holds()) return;
    await setImmediate();
  }
  throw new Error('it never came to be');
}

const isUp = () => eventually(() => world.connector.health().state === 'up');
const becomes = (mode: string, text?: string | null) =>
  eventually(async () => {
    const shown = await world.shown(ann.id);
    return shown?.mode === mode && (text === undefined || shown.text === text);
  });

/** Turns the clock in steps, with time on the wire for what falls due in each. */
async function pass(ms: number, step = 5000): Promise<void> {
  for (let left = ms; left > 0; left -= step) {
    world.clock.advance(Math.min(step, left));
    for (let turn = 0; turn < 40; turn++) await setImmediate();
  }
}

/** Ann is linked, and gave her token. */
async function link(): Promise<Person> {
  const known = await world.find(ann.id);
  if (known) {
    const elsewhere = { network: other.name, id: '@ann' };
    await world.person([elsewhere]);
    await world.links.link({ network: PLEXICHAT, id: ann.id }, elsewhere);
  }
  const person = (await world.find(ann.id)) ?? (await world.linked(ann.id));
  await world.held.give(person, ann.token);
  await rest();
  return person;
}

const writes = () => peer.requests.filter(({ method }) => method === 'PUT');

/** Lets everything come to rest that is under way on the wire. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 300; turn++) await setImmediate();
}

describe('the defects that one must know first (contract §0)', () => {
  it.each(['ms', 's'] as const)('1: last_seen in %s, 0 for nothing', async (timestamps) => {
    await begin({ timestamps });
    peer.userWrites(ann.id, { status: 'dnd' });
    await isUp();
    await becomes('dnd');
    await eventually(async () => (await world.shown(ann.id))?.lastActivity === START);
  });

  it('3: whoever is no friend any more is still read', async () => {
    await begin();
    await isUp();
    peer.userWrites(ann.id, { status: 'online' });
    await becomes('online');
    peer.unfriend(bridge.id, ann.id);
    await rest();
    expect(await world.shown(ann.id)).toMatchObject({ mode: 'online' });
    await pass(16_000);
    peer.userWrites(ann.id, { status: 'offline' });
    await pass(SETTINGS.reconcile_every, 20_000);
    await becomes('offline');
  });

  it('4, 5: presence is asked for with intents that every version takes', async () => {
    await begin({ dialect: 'a49' });
    await isUp();
    peer.userWrites(ann.id, { status: 'idle' });
    await becomes('idle');
  });

  it('6: nobody is ever identified but the account of the bridge', async () => {
    await begin();
    await isUp();
    const person = await link();
    await world.says(person, 'dnd');
    await rest();
    expect(peer.status(ann.id)).toMatchObject({ status: 'dnd' });
    expect(new Set(peer.identifies.map(({ userId }) => userId))).toEqual(new Set([bridge.id]));
  });

  it('7: whoever is stuck online leaves with her next word', async () => {
    await begin();
    await isUp();
    peer.userConnects(ann.id);
    await becomes('online');
    await pass(600_000, 60_000);
    expect(await world.shown(ann.id)).toMatchObject({ mode: 'online' });
    peer.userWrites(ann.id, { status: 'offline' });
    await becomes('offline');
  });

  it('8: an emoji is never sent without a text', async () => {
    await begin();
    await isUp();
    const person = await link();
    await world.says(person, 'online', { kind: 'set', emoji: '☕' });
    await rest();
    expect(writes()).toHaveLength(1);
    expect(peer.status(ann.id)).toMatchObject({ status: 'online', emoji: null });
  });

  it('9: an event without a text leaves the text', async () => {
    await begin();
    await isUp();
    peer.userWrites(ann.id, { status: 'online', custom_status: 'mine' });
    await becomes('online', 'mine');
    peer.userWrites(ann.id, { status: 'dnd' });
    await becomes('dnd', 'mine');
  });

  it('10: a text that is one behind is no word of hers', async () => {
    await begin({ cacheServer: true });
    await isUp();
    peer.userWrites(ann.id, { status: 'online', custom_status: 'one' });
    await becomes('online', 'one');
    world.clock.advance(1000);
    peer.userWrites(ann.id, { status: 'online', custom_status: 'two' });
    await becomes('online', 'two');
    const person = await link();
    await rest();
    expect(await world.shown(ann.id)).toMatchObject({ text: 'two' });
    world.clock.advance(1000);
    await world.says(person, 'dnd', { kind: 'set', text: 'three', emoji: null });
    await rest();
    await pass(120_000, 20_000);
    expect(await world.shown(ann.id)).toMatchObject({ text: 'three' });
    expect(peer.status(ann.id)).toMatchObject({ text: 'three' });
  });

  it('11: what another worker kept to itself is found by asking', async () => {
    await begin();
    await isUp();
    await rest();
    peer.gatewayFaults.dropEvents(1);
    peer.userWrites(ann.id, { status: 'dnd', custom_status: 'elsewhere' });
    await pass(SETTINGS.reconcile_every + 1000, 20_000);
    await becomes('dnd', 'elsewhere');
  });

  it('12: a bot token is not taken of anybody, and is warned of as the own one', async () => {
    await begin();
    await isUp();
    const person = await world.linked(ann.id);
    const bot = peer.addBot(ann.id);
    await expect(world.held.give(person, bot.token)).rejects.toMatchObject({ code: 'bad_parameter' });
    expect(world.connector.health().warnings).toEqual([]);
    const second = makeWorld({ token: bot.token });
    expect(second.connector.health().warnings).toEqual([expect.stringContaining('owner of the bot')]);
    await second[Symbol.asyncDispose]();
  });

  it('13: too many verifications are no bad token', async () => {
    await begin();
    await isUp();
    const person = await link();
    peer.faultNext(1, 'verification-limit', { path: /presence/ });
    await world.says(person, 'online');
    await rest();
    expect(await world.held.of(person.id)).toBe(ann.token);
    await pass(70_000);
    await eventually(() => peer.status(ann.id).status === 'online');
  });

  it('14: the wait in a 429 is kept', async () => {
    await begin();
    await isUp();
    const person = await link();
    peer.faultNext(1, 'rate-limited', { retryAfter: 30, path: /presence/ });
    await world.says(person, 'online');
    await rest();
    await pass(29_000);
    expect(peer.status(ann.id).status).toBe('offline');
    await pass(10_000);
    await eventually(() => peer.status(ann.id).status === 'online');
    expect(writes()).toHaveLength(1);
  });
});

describe('the defects that were seen (contract §9)', () => {
  it('1, 5: nothing of what she does in hiding is seen', async () => {
    await begin();
    await isUp();
    peer.userWrites(ann.id, { status: 'online', custom_status: 'open' });
    await becomes('online', 'open');
    peer.userWrites(ann.id, { status: 'invisible', custom_status: 'secret' });
    await becomes('offline');
    await rest();
    const before = await world.shown(ann.id);
    expect(before).toMatchObject({ text: 'open' });
    world.clock.advance(10_000);
    peer.userWrites(ann.id, { status: 'invisible', custom_status: 'more' });
    await rest();
    await pass(SETTINGS.reconcile_every + 1000, 20_000);
    expect(await world.shown(ann.id)).toEqual(before);
  });

  it('3: whoever blocked the account of the bridge is offline for it after the next round', async () => {
    await begin();
    peer.addGuild([bridge.id, ann.id]);
    await isUp();
    peer.userWrites(ann.id, { status: 'online' });
    await becomes('online');
    peer.block(ann.id, bridge.id);
    await pass(SETTINGS.reconcile_every + 61_000, 20_000);
    await becomes('offline');
  });

  it.each(['head', 'a49'] as const)('4: invisible and offline look the same (%s)', async (dialect) => {
    const worlds = [];
    for (const status of ['invisible', 'offline']) {
      await begin({ dialect });
      peer.userWrites(ann.id, { status: 'online', custom_status: 'open' });
      await isUp();
      await becomes('online', 'open');
      world.clock.advance(10_000);
      peer.userWrites(ann.id, { status, custom_status: 'secret' });
      await becomes('offline');
      await pass(2 * SETTINGS.reconcile_every, 20_000);
      worlds.push(await world.shown(ann.id));
    }
    expect(worlds[0]).toEqual(worlds[1]);
  });

  it('6: an invisible person stays invisible, whatever is said elsewhere', async () => {
    await begin();
    await isUp();
    const person = await link();
    peer.userWrites(ann.id, { status: 'invisible' });
    await rest();
    await world.says(person, 'online');
    await world.sets(person, 'dnd');
    await rest();
    expect(peer.status(ann.id)).toMatchObject({ status: 'invisible' });
    expect(writes()).toEqual([]);
  });

  it('7: a socket of hers that closes is her word, until something changes elsewhere', async () => {
    await begin();
    await isUp();
    const person = await link();
    peer.userConnects(ann.id);
    peer.userConnects(ann.id);
    await becomes('online');
    await rest();
    await world.says(person, 'dnd');
    await rest();
    world.clock.advance(20_000);
    peer.userDisconnects(ann.id);
    await rest();
    expect(peer.status(ann.id).status).toBe('offline');
    expect(writes()).toHaveLength(1);
    await world.says(person, 'online');
    await world.sets(person, 'idle');
    await rest();
    expect(peer.status(ann.id).status).toBe('idle');
  });

  it('8: what the bridge wrote is not left behind', async () => {
    await begin();
    await isUp();
    const person = await link();
    await world.says(person, 'online');
    await rest();
    await world.says(person, 'offline');
    await rest();
    expect(peer.status(ann.id).status).toBe('offline');
    expect(await world.shown(ann.id)).toMatchObject({ mode: 'offline' });
  });

  it('9: a change that was stored and not told is found, and a write that failed half-way is known', async () => {
    await begin();
    await isUp();
    await rest();
    peer.userWrites(ann.id, { status: 'dnd', custom_emoji: '☕' });
    expect(peer.status(ann.id).status).toBe('dnd');
    await pass(SETTINGS.reconcile_every + 1000, 20_000);
    await becomes('dnd');
  });

  it('10: texts that no REST call would take are not taken from events either', async () => {
    await begin();
    await isUp();
    for (const text of [JSON.stringify('x'.repeat(300)), '17', '{"a":1}', '"\\ud800"']) {
      const json = `{"user_id":"${ann.id}","status":"online","custom_status":${text},"custom_emoji":null}`;
      peer.userWrites(ann.id, { status: 'online' });
      peer.dispatch(bridge.id, 'PRESENCE_UPDATE', json, 256);
    }
    await becomes('online', null);
    await rest();
    expect(await world.shown(ann.id)).toMatchObject({ text: null });
  });

  it('12: what happened between two sockets is asked for, RESUME or not', async () => {
    await begin();
    await isUp();
    await rest();
    peer.sockets.cutAll();
    peer.userWrites(ann.id, { status: 'idle' });
    await eventually(() => world.connector.health().state === 'down');
    await pass(20_000);
    await isUp();
    await pass(70_000);
    await becomes('idle');
  });

  it('14: a token of another account is not taken, whatever the cache of the server says', async () => {
    await begin();
    await isUp();
    const person = await world.linked(ann.id);
    await expect(world.held.give(person, bridge.token)).rejects.toMatchObject({ code: 'bad_parameter' });
  });

  it('16: ids that no account can have are never asked for', async () => {
    await begin();
    await isUp();
    await rest();
    const before = peer.requests.length;
    for (const id of ['9223372036854775808', '-1', '0']) {
      peer.dispatch(bridge.id, 'PRESENCE_UPDATE', `{"user_id":"${id}","status":"online"}`, 256);
    }
    peer.dispatch(bridge.id, 'RELATIONSHIP_REMOVE', '{"user_id":"9223372036854775808"}');
    await rest();
    expect(peer.requests).toHaveLength(before);
  });
});

describe('a request for friendship', () => {
  it('makes nobody; a friendship does', async () => {
    await begin();
    await isUp();
    await rest();
    const ben = peer.addUser({ username: 'ben' });
    peer.userWrites(ben.id, { status: 'online' });
    const asks = `{"user_id":"${ben.id}","username":"ben","status":"pending_incoming","presence":{"status":"online"}}`;
    peer.dispatch(bridge.id, 'RELATIONSHIP_ADD', asks);
    await rest();
    expect(await world.shown(ben.id)).toBeNull();
    peer.befriend(bridge.id, ben.id);
    await eventually(async () => (await world.shown(ben.id))?.mode === 'online');
  });
});

describe('its health', () => {
  it('tells what is missing', async () => {
    await begin({}, { token: undefined, token_key: undefined });
    await isUp();
    expect(world.connector.health().warnings).toHaveLength(2);
    expect(peer.identifies).toEqual([]);
  });

  it('without receiving: no gateway, nothing taken, people written all the same', async () => {
    await begin({}, { receive: false });
    await isUp();
    const person = await link();
    peer.userWrites(ann.id, { status: 'dnd' });
    await world.says(person, 'idle');
    await rest();
    expect(peer.identifies).toEqual([]);
    expect((await world.feed(ann.id))?.mode ?? 'offline').toBe('offline');
    await world.says(person, 'online');
    await rest();
    expect(peer.status(ann.id).status).toBe('online');
    peer.sockets.stopListening();
    await world.says(person, 'dnd');
    await world.says(person, 'idle');
    await eventually(() => world.connector.health().state === 'down');
    await peer.sockets.listenAgain();
    await pass(10_000);
    await isUp();
    await eventually(() => peer.status(ann.id).status === 'idle');
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import type { Watch } from '../../src/presence/audience.ts';
import type { Cluster } from '../../src/presence/cluster.ts';
import { alone, touchedBy } from '../../src/presence/cluster.ts';
import type { Person } from '../../src/presence/identity.ts';
import type { Mode } from '../../src/presence/record.ts';
import { bridgeDialect } from '../../src/surfaces/bridge/dialect.ts';
import { fakeNetwork, makeBridge, PROFILE } from '../helpers/bridge.ts';
import type { TestNode } from '../helpers/nodes.ts';
import { makeNodes } from '../helpers/nodes.ts';
import type { TestBridge } from '../helpers/bridge.ts';
import { personId } from '../contract/records.ts';

type Mutable<T> = { -readonly [key in keyof T]: T[key] };

const net = fakeNetwork('net');
const SECOND = 1000;
const MINUTE = 60 * SECOND;

let here: TestNode;
let there: TestNode;
let ann: Person;
let bob: Person;
let seen: string[];

const account = (id: string) => ({ network: net.name, id });

async function say(node: TestNode, who: Person, mode: Mode): Promise<void> {
  await node.bridge.presence.write(who.id, { dialect: bridgeDialect, mode, status: { kind: 'keep' } });
}

/** Bob's device at a node, there for so long. */
async function connect(node: TestNode, device: string, ms: number): Promise<void> {
  const endsAt = node.bridge.clock.now() + ms;
  const session = { kind: 'session', id: device, origin: net.name, mode: 'online', active: true } as const;
  await node.bridge.presence.signal(bob.id, { ...session, endsAt });
}

/** Ann's view of Bob at a node, as it goes. */
async function watch(node: TestNode): Promise<Watch> {
  return node.bridge.audience.watch(ann.id, {
    sighted: ({ shown }) => seen.push(shown.mode),
    own: ({ mode }) => seen.push(`self ${mode}`),
  });
}

beforeEach(async () => {
  [here, there] = (await makeNodes(2, [net])) as [TestNode, TestNode];
  ann = await here.bridge.people.create([account('ann')], PROFILE);
  bob = await here.bridge.people.create([account('bob')], PROFILE);
  await here.bridge.contacts.change(ann.id, [account('bob')], []);
  await there.hear();
  seen = [];
});

describe('what another node changes', () => {
  it('is told to who watches here, once', async () => {
    using _ = await watch(here);
    await say(there, bob, 'dnd');
    expect(seen).toEqual([]);
    await here.hear();
    await say(there, bob, 'dnd');
    await here.hear();
    expect(seen).toEqual(['dnd']);
  });

  it('is told of herself, too', async () => {
    using _ = await watch(here);
    await say(there, ann, 'dnd');
    await here.hear();
    expect(seen).toEqual(['self dnd']);
  });

  it('is followed by what time makes of it, which is told here without another word', async () => {
    using _ = await watch(here);
    await connect(there, 'phone', MINUTE);
    await here.hear();
    here.bridge.clock.advance(MINUTE);
    await expect.poll(() => seen).toEqual(['online', 'offline']);
  });

  it('counts even after what was changed here on top of it', async () => {
    using _ = await watch(here);
    await say(there, bob, 'idle');
    await say(here, bob, 'dnd');
    await here.hear();
    expect(seen).toEqual(['dnd']);
  });

  it('adds up: devices at several nodes are one person', async () => {
    using _ = await watch(here);
    await connect(here, 'phone', MINUTE);
    await connect(there, 'desk', 3 * MINUTE);
    await here.hear();
    here.bridge.clock.advance(2 * MINUTE);
    expect(seen).toEqual(['online']);
    here.bridge.clock.advance(MINUTE);
    await expect.poll(() => seen).toEqual(['online', 'offline']);
  });

  it('of relations shows and hides people here', async () => {
    using _ = await watch(here);
    await say(here, bob, 'online');
    await there.bridge.contacts.block(bob.id, ann.id, true);
    await here.hear();
    await there.bridge.contacts.block(bob.id, ann.id, false);
    await here.hear();
    await there.bridge.people.edit(bob.id, { visibility: 'nobody' });
    await here.hear();
    expect(seen).toEqual(['online', 'offline', 'online', 'offline']);
  });

  it('of tokens is respected here', async () => {
    const { token } = await here.bridge.tokens.issue(bob.id, net.name, (secret) => net.tokenText(secret, ''));
    expect(await here.bridge.gate.admit(token, 'ip')).toMatchObject({ person: bob.id });
    let told = 0;
    here.bridge.tokenChanges.subscribe(() => told++);
    await there.bridge.tokens.revoke(bob.id);
    await here.hear();
    expect(told).toBeGreaterThan(0);
    await expect(here.bridge.gate.admit(token, 'ip')).rejects.toMatchObject({ code: 'unknown_token' });
  });

  it('leaves no stand-in to be given twice, and no account to two people', async () => {
    const other = fakeNetwork('other');
    const nodes = await makeNodes(4, [net, other]);
    const created = await Promise.allSettled([
      ...nodes.map(({ bridge }, i) => bridge.people.create([account(`p${i}`)], PROFILE)),
      ...nodes.map(({ bridge }) => bridge.people.create([account('same')], PROFILE)),
    ]);
    const people = created.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    expect(people).toHaveLength(5);
    const standIns = people.map(({ addresses }) => addresses.find(({ kind }) => kind === 'stand-in')?.id);
    expect(new Set(standIns).size).toBe(5);
  });
});

describe('a node that may have missed something', () => {
  it('shows everybody as they are, each change once', async () => {
    using _ = await watch(here);
    await say(there, bob, 'dnd');
    await here.miss();
    expect(seen).toEqual(['dnd']);
    await here.miss();
    expect(seen).toEqual(['dnd']);
  });

  it('tells of who was there, and of who has left for good', async () => {
    await say(here, bob, 'online');
    using _ = await watch(here);
    await say(there, bob, 'offline');
    await here.miss();
    expect(seen).toEqual(['offline']);
  });

  it('learns of relations and tokens', async () => {
    const { token } = await here.bridge.tokens.issue(bob.id, net.name, (secret) => net.tokenText(secret, ''));
    await here.bridge.gate.admit(token, 'ip');
    await say(here, bob, 'online');
    using _ = await watch(here);
    await there.bridge.tokens.revoke(bob.id);
    await there.bridge.contacts.block(bob.id, ann.id, true);
    await here.miss();
    expect(seen).toEqual(['offline']);
    await expect(here.bridge.gate.admit(token, 'ip')).rejects.toMatchObject({ code: 'unknown_token' });
  });

  it('takes up the timers of what it has missed', async () => {
    using _ = await watch(here);
    await connect(there, 'phone', MINUTE);
    await here.miss();
    here.bridge.clock.advance(MINUTE);
    await expect.poll(() => seen).toEqual(['online', 'offline']);
  });

  it('believes an older copy of the store when that is what there is', async () => {
    await say(here, bob, 'online');
    await say(here, bob, 'dnd');
    await say(here, ann, 'idle');
    await say(here, ann, 'dnd');
    using _ = await watch(here);
    for (const who of [bob, ann]) {
      const record = (await here.bridge.store.get(who.id))!;
      const older = { ...record, version: 1, claim: { ...record.claim!, mode: 'idle' as const } };
      await here.bridge.store.compareAndSet(who.id, record.version, older);
    }
    await here.miss({ rewound: true });
    expect(seen.toSorted()).toEqual(['idle', 'self idle']);
  });
});

describe('where news may be missing', () => {
  let cluster: Mutable<Cluster>;
  let deaf: TestBridge;

  beforeEach(() => {
    cluster = { ...alone('deaf') };
    deaf = makeBridge({ networks: [net], store: here.bridge.store, cluster });
  });

  const watchDeaf = () =>
    deaf.audience.watch(ann.id, { sighted: ({ shown }) => seen.push(shown.mode), own: () => undefined });

  it('who comes is shown how everybody is, and so is who is watching there already', async () => {
    using _ = await watchDeaf();
    await say(here, bob, 'dnd');
    cluster.isCurrent = false;
    using second = await watchDeaf();
    expect(second.sightings.map(({ shown }) => shown.mode)).toEqual(['dnd']);
    expect(seen).toEqual(['dnd']);
  });

  it('who reads what was told is told it before, and else not asked for', async () => {
    using _ = await watchDeaf();
    await say(here, bob, 'dnd');
    await deaf.audience.catchUp(ann.id);
    expect(seen).toEqual([]);
    cluster.isCurrent = false;
    await deaf.audience.catchUp(ann.id);
    expect(seen).toEqual(['dnd']);
  });
});

describe('touchedBy', () => {
  const [alice, carol] = [personId('alice'), personId('carol')];

  it('names whom a commit concerns', () => {
    expect(
      touchedBy([
        { row: 'person', id: alice, value: null },
        { row: 'address', address: account('1'), value: { person: carol, kind: 'own' } },
        { row: 'address', address: account('2'), value: null },
        { row: 'contact', owner: alice, target: carol, value: false },
        { row: 'block', blocker: carol, blocked: alice, value: true },
        { row: 'meta', key: 'key', value: 'value' },
      ]),
    ).toEqual({
      tokens: false,
      people: [alice, carol],
      pairs: [
        [alice, carol],
        [carol, alice],
      ],
    });
    expect(touchedBy([{ row: 'token', hash: 'hash', value: null }])).toEqual({
      tokens: true,
      people: [],
      pairs: [],
    });
  });
});

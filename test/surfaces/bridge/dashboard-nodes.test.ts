import { beforeEach, describe, expect, it } from 'vitest';
import type { PersonId } from '../../../src/presence/identity.ts';
import { OperatorSessions, SESSION_MS } from '../../../src/surfaces/bridge/dashboard/operator-sessions.ts';
import { ShownTally } from '../../../src/surfaces/bridge/dashboard/shown-tally.ts';
import { countingSecrets, fakeNetwork, RULES } from '../../helpers/bridge.ts';
import { rich } from '../../presence/dialects.ts';
import type { TestNode } from '../../helpers/nodes.ts';
import { makeNodes } from '../../helpers/nodes.ts';

const left = fakeNetwork('left');
const NEVER = { ...RULES, timing: { idleAfter: Infinity, claimTtl: Infinity, busyTtl: Infinity } };

let here: TestNode;
let there: TestNode;

beforeEach(async () => {
  [here, there] = (await makeNodes(2, [left], NEVER)) as [TestNode, TestNode];
});

describe('an operator who signed in at one node', () => {
  let count = 0;
  const sessionsOf = ({ bridge }: TestNode, operatorTokenHash = 'hash') => {
    const secrets = countingSecrets(`sessions-${count++}`);
    return new OperatorSessions({ ...bridge, directory: bridge.store, secrets, operatorTokenHash });
  };

  it('is so at each, until she signs out at any', async () => {
    const [first, second] = [sessionsOf(here), sessionsOf(there)];
    const { secret, endsAt } = await first.open();
    expect(endsAt).toBe(here.bridge.clock.now() + SESSION_MS);
    expect(await second.endOf(secret)).toBe(endsAt);
    expect(await second.endOf('another')).toBeNull();
    const other = await second.open();
    await second.close(secret);
    expect([await first.endOf(secret), await first.endOf(other.secret)]).toEqual([null, other.endsAt]);
  });

  it('is so after a restart, but not once the operator token is another', async () => {
    const { secret, endsAt } = await sessionsOf(here).open();
    expect(await sessionsOf(here).endOf(secret)).toBe(endsAt);
    expect(await sessionsOf(here, 'another hash').endOf(secret)).toBeNull();
  });

  it('is kept without what the browser holds', async () => {
    const { secret } = await sessionsOf(here).open();
    const kept = await here.bridge.store.meta('operator-sessions');
    expect(kept).toMatch(/^\[\["[\w-]{43}",\d+\]\]$/);
    expect(kept).not.toContain(secret);
  });

  it('loses no session to whoever signs in at the same time', async () => {
    const nodes = [here, there, here, there].map((node) => sessionsOf(node));
    const opened = await Promise.all(nodes.map((sessions) => sessions.open()));
    for (const { secret, endsAt } of opened) expect(await nodes[0]!.endOf(secret)).toBe(endsAt);
  });
});

describe('what a node counts', () => {
  let una: PersonId;
  let max: PersonId;
  let tally: ShownTally;
  const say = ({ bridge }: TestNode, person: PersonId, mode: 'online' | 'dnd' | 'offline' | 'invisible') =>
    bridge.presence.write(person, { dialect: rich, mode, status: { kind: 'keep' } });

  beforeEach(async () => {
    una = (await here.bridge.person([{ network: left.name, id: 'una' }])).person.id;
    max = (await here.bridge.person([{ network: left.name, id: 'max' }])).person.id;
    await say(here, una, 'online');
    tally = new ShownTally(there.bridge);
    there.bridge.onMissed(() => void tally.refresh());
    await tally.start();
    await there.hear();
  });

  it('is also what others did', async () => {
    expect(tally.counts).toEqual({ online: 1, chat: 0, idle: 0, dnd: 0 });
    await say(here, max, 'dnd');
    await there.hear();
    expect(tally.counts).toEqual({ online: 1, chat: 0, idle: 0, dnd: 1 });
    expect(tally.propagation.changes).toBe(0); // how long it took is known where it began
  });

  it.each(['offline', 'invisible'] as const)(
    'is true again after changes that it missed: %s',
    async (gone) => {
      const told: PersonId[] = [];
      tally.subscribe((person) => void told.push(person));
      await say(here, una, gone);
      await say(here, max, 'dnd');
      await there.miss();
      await expect.poll(() => tally.counts).toEqual({ online: 0, chat: 0, idle: 0, dnd: 1 });
      expect(told.sort()).toEqual([una, max].sort());
    },
  );
});

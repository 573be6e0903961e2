import { expect, it } from 'vitest';
import { seededRandom } from '../../../helpers/random.ts';
import type { MatrixApp } from '../matrix-app.ts';
import { makeApp } from '../matrix-app.ts';
import { invite, sync, told } from './syncing.ts';

const SEED = 20_260_101;
const CONTACTS = 40;
const STEPS = 120;
const MODES = ['online', 'idle', 'dnd', 'offline', 'invisible'] as const;

/** A client whose every poll is answered by another node. */
it(`ends with a true view, without being told everything each time: seed ${SEED}`, async () => {
  const random = seededRandom(SEED);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const first = await makeApp();
  const contacts = await Promise.all(Array.from({ length: CONTACTS }, (_, i) => first.user(`u${i}`)));
  await invite(first, first.alice, ...contacts);
  const nodes: MatrixApp[] = [first];
  for (let i = 0; i < 2; i++) nodes.push(await makeApp({ before: first, clock: first.clock }));
  const view = new Map<string, string>();
  let since: string | null = null;
  let events = 0;
  for (let step = 0; step < STEPS; step++) {
    const who = pick(contacts);
    const text = random() < 0.3 ? ({ kind: 'set', text: `t${step}`, emoji: null } as const) : undefined;
    await first.elsewhere(who, pick(MODES), text);
    const node = nodes[step % nodes.length]!;
    await node.presence.reread([who.person.id]);
    await node.audience.refreshAll({ rewound: false });
    const body = await sync(node, first.alice, { set_presence: 'offline', ...(since !== null && { since }) });
    since = body.next_batch as string;
    for (const line of told(body)) {
      const [name = '', ...face] = line.split(' ');
      view.set(name, face.join(' '));
      events++;
    }
  }
  const whole = new Map<string, string>();
  for (const line of told(await sync(first, first.alice, { set_presence: 'offline', full_state: true }))) {
    const [name = '', ...face] = line.split(' ');
    whole.set(name, face.join(' '));
  }
  for (const { id } of contacts) {
    const name = id.slice(1, id.indexOf(':'));
    expect([name, view.get(name) ?? 'offline']).toEqual([name, whole.get(name) ?? 'offline']);
  }
  expect(events).toBeLessThan(1.7 * STEPS);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeWatched } from './connections.ts';

/** What Alice does through the gateway once she is out of sight. */
const act = fc.oneof(
  fc.constantFrom('identify' as const, 'drop' as const, 'resume' as const, 'beat' as const, 'type' as const),
  fc.record({
    status: fc.constantFrom('invisible', 'wrong'),
    custom_status: fc.constantFrom('', 'x', null),
  }),
);
const round = fc.record({ acts: fc.array(act, { maxLength: 4 }), wait: fc.integer({ min: 1, max: 80_000 }) });
type Round = typeof round extends fc.Arbitrary<infer R> ? R : never;

/** Every byte that Bob is sent, with the instant he is sent it. */
async function play(world: 'invisible' | 'offline', rounds: readonly Round[]): Promise<unknown[]> {
  const { gateway, alice, bob } = await makeWatched();
  const watching = await gateway.connect().identify(bob.token);
  const hers = [await gateway.connect().identify(alice.token)];
  const { sessionId } = hers[0]!;
  await gateway.say(alice, 'online', 'hello');
  await gateway.pass(1000);
  await hers[0]!.send(3, { status: world, ...(world === 'invisible' && { custom_status: 'secret' }) });
  if (world === 'offline') await hers[0]!.drop();

  const obtained: unknown[] = [];
  for (const { acts, wait } of rounds) {
    for (const each of world === 'invisible' ? acts : []) {
      const last = hers.at(-1)!;
      if (each === 'identify') hers.push(await gateway.connect().identify(alice.token));
      else if (each === 'resume') hers.push(await gateway.connect().resume(alice.token, sessionId, 1));
      else if (each === 'drop') await last.drop();
      else if (each === 'beat') await last.send(1);
      else if (each === 'type') await last.send(40, { channel_id: '1' });
      else await last.send(3, each);
    }
    await watching.send(1);
    await gateway.pass(wait);
    obtained.push(gateway.clock.now(), watching.socket.sent.length);
  }
  const late = await gateway.connect().identify(bob.token);
  return [...obtained, ...watching.socket.sent, late.frames.slice(2)];
}

describe('two worlds', () => {
  it('look the same to whoever watches at the gateway (semantics §6)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 6 }), async (rounds) => {
        const hidden = await play('invisible', rounds);
        expect(hidden).toEqual(await play('offline', rounds));
        expect(JSON.stringify(hidden)).not.toContain('secret');
      }),
      { numRuns: 50 },
    );
  });
});

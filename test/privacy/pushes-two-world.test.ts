import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Deed, PushesHistory } from './pushes-deeds.ts';
import { histories } from './pushes-deeds.ts';
import { LEAKS } from './pushes-leaks.ts';
import type { Obtained, PushesLeak } from './pushes-world.ts';
import { playPushes, tight } from './pushes-world.ts';

/** `PUSHES_TWO_WORLD_RUNS=2000 npm test` for a long run. */
const RUNS = Number(process.env['PUSHES_TWO_WORLD_RUNS'] ?? 12);

/** What a real server itself caused by telling of what Una did there by a client of its own: that is no secret of hers. */
function besidesTold({ after }: PushesHistory, obtained: Obtained): Obtained {
  const did = (kind: Deed['kind']) => after.some(({ unseen }) => unseen.some((deed) => deed.kind === kind));
  const told: RegExp[] = [];
  if (did('homeserver')) told.push(/connector_received_total\{network="matrix"/);
  if (did('server')) {
    // The server is asked whose word it was.
    told.push(
      /^\d+ presence /,
      /connector_received_total\{network="plexichat"/,
      /plexichat",outcome="unchanged"/,
    );
  }
  const strip = (lines: readonly string[]) =>
    lines.flatMap((text) => text.split('\n')).filter((line) => !told.some((pattern) => pattern.test(line)));
  const { server, metrics } = obtained;
  return { ...obtained, server: strip(server), metrics: strip(metrics) };
}

function twoWorlds(leak: PushesLeak, by: readonly (keyof Obtained)[]) {
  return fc.asyncProperty(histories, async (history) => {
    const invisible = besidesTold(history, await playPushes('invisible', history, leak));
    const offline = besidesTold(history, await playPushes('offline', history, leak));
    for (const way of by) expect(invisible[way]).toEqual(offline[way]);
  });
}

/** The end of her presence is still to be said when another of her tokens is seen. */
const anotherToken: PushesHistory = {
  kind: 'linked',
  before: [
    { kind: 'trouble', of: 'limits' },
    { kind: 'write', who: 'una', by: 'plexichat', mode: 'online', status: { kind: 'keep' } },
  ],
  leave: { by: 'plexichat', saying: { kind: 'keep' } },
  after: [{ unseen: [{ kind: 'token', who: 'una' }], seen: [] }],
};

describe('real servers cannot tell invisible from offline (semantics §6)', () => {
  it(
    'by any request, by when it comes, by metrics or logs',
    async () => {
      const property = twoWorlds(tight, ['homeserver', 'server', 'deliveries', 'metrics', 'logs']);
      await fc.assert(property, { numRuns: RUNS, examples: [[anotherToken]] });
    },
    60_000 + RUNS * 2000,
  );

  it.each(LEAKS)(
    'a build that leaks %s is caught',
    async (_what, where, leak) => {
      const details = await fc.check(twoWorlds(leak, [where]), { numRuns: 100, endOnFailure: true });
      expect(details.failed).toBe(true);
      expect(details.errorInstance).toHaveProperty('name', 'AssertionError');
    },
    120_000,
  );
});

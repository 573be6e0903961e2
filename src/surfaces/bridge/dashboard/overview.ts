import { z } from 'zod';
import { ERROR_CODES } from '../../../presence/errors.ts';
import type { PersonId } from '../../../presence/identity.ts';
import type { Shown } from '../../../presence/shown.ts';
import type { ServerHealth } from '../server-health.ts';
import { encodeHealth, serverSchema } from '../server-health.ts';
import type { Failures } from './failures.ts';
import type { ShownTally } from './shown-tally.ts';

const instant = z.number().int().describe('Milliseconds since 1970');
const counts = {
  online: z.number().int(),
  chat: z.number().int(),
  idle: z.number().int(),
  dnd: z.number().int(),
};

export const overviewSchema = z.object({
  version: z.string().describe('Of the bridge'),
  started_at: instant,
  networks: z.array(z.string()),
  servers: z.array(serverSchema).describe('None where the bridge stands alone'),
  shown: z.object(counts).describe('How many people are shown as what'),
  propagation: z.object({
    p50_ms: z.number().nullable(),
    p99_ms: z.number().nullable(),
    changes: z.number().int().describe('Of the last so many changes on this node'),
  }),
  failed_links: z.array(
    z.object({
      at: instant,
      what: z.enum(['link', 'unlink']),
      code: z.enum(ERROR_CODES),
      message: z.string(),
    }),
  ),
});
export type Overview = z.output<typeof overviewSchema>;

export const historySchema = z.object({
  samples: z.array(z.object({ at: instant, ...counts })).describe('Oldest first'),
});

export interface OverviewSources {
  readonly version: string;
  readonly startedAt: number;
  readonly networks: readonly { readonly name: string }[];
  readonly servers: () => readonly ServerHealth[];
  readonly tally: Pick<ShownTally, 'counts' | 'propagation'>;
  readonly failures: Pick<Failures, 'list'>;
}

/** How everything is now; it differs only when something does. */
export function overviewOf(sources: OverviewSources): Overview {
  const { p50, p99, changes } = sources.tally.propagation;
  return {
    version: sources.version,
    started_at: sources.startedAt,
    networks: sources.networks.map(({ name }) => name),
    servers: sources.servers().map(encodeHealth),
    shown: sources.tally.counts,
    propagation: { p50_ms: p50, p99_ms: p99, changes },
    failed_links: sources.failures.list().map((failure) => ({ ...failure })),
  };
}

/** What an event tells of one person. */
export function encodeFace(id: PersonId, { mode, status, lastActivity }: Shown) {
  return {
    id,
    mode,
    text: status?.text ?? null,
    emoji: status?.emoji ?? null,
    last_active_at: lastActivity,
  };
}

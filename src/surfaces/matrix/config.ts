import { z } from 'zod';
import { isServerName, isStandInTemplate } from '../../protocols/matrix/ids.ts';
import type { SyncLimits } from './context.ts';

function sync(duration: z.ZodType<number, string>) {
  return z.strictObject({
    max_timeout: duration
      .refine(Number.isFinite, 'must not be never')
      .prefault('60s')
      .describe('The longest that a request for news is held, whatever its timeout says; a duration'),
    include_offline: z
      .boolean()
      .default(false)
      .describe('Whether a first sync tells of contacts who are offline without a status text, too'),
    stream_ttl: duration
      .prefault('10m')
      .describe('How long the bridge remembers what a client that has gone was told; a duration or never'),
    max_streams: z.int().min(1).default(20_000).describe('Users whose streams are kept at a time'),
    waiters_per_person: z
      .int()
      .min(1)
      .default(20)
      .describe('Requests for news that one user may have waiting; more are answered 429'),
  });
}

/** The settings of the Matrix surface; `duration` reads text as ms, `never` as Infinity. */
export function matrixSection(defaultStandInTemplate: string, duration: z.ZodType<number, string>) {
  return z.strictObject({
    server_name: z
      .string()
      .refine(isServerName, 'must be a host name or address, with an optional port')
      .default('localhost')
      .describe('The domain of the Matrix ids that the bridge itself gives out'),
    stand_in_template: z
      .string()
      .refine(isStandInTemplate, 'must be a user id with {id} and something else before the colon')
      .default(defaultStandInTemplate)
      .describe(
        'The Matrix id of people who have none; {id} is their other id, {server_name} the name above',
      ),
    busy: z
      .boolean()
      .default(false)
      .describe('Whether r0 and v3 say do-not-disturb as org.matrix.msc3026.busy (MSC3026)'),
    query_tokens: z
      .boolean()
      .default(true)
      .describe('Whether r0 and v3 accept ?access_token=; api/v1 always does'),
    sync: sync(duration).prefault({}).describe('Live presence through /sync and its predecessors'),
  });
}

/** The section `sync` as the streams take it. */
export function syncLimits(section: z.output<ReturnType<typeof sync>>): SyncLimits {
  return {
    maxTimeoutMs: section.max_timeout,
    includeOffline: section.include_offline,
    streamTtlMs: section.stream_ttl,
    maxStreams: section.max_streams,
    waitersPerPerson: section.waiters_per_person,
  };
}

import type { FastifyBaseLogger } from 'fastify';
import type { PersonId } from '../../../presence/identity.ts';
import type { Counter, Metrics } from '../../../metrics/metrics.ts';
import type { PlexichatContext } from '../context.ts';

/**
 * What the gateway has done since it started. Each of these is caused by a person, so it counts only while others see
 * her there (`countSeen`). There is no gauge of open connections: one of all of them would show who is hiding, and one
 * of those that may be seen would not be what the gateway carries.
 */
export interface GatewayCounters {
  readonly identified: Counter;
  readonly resumed: Counter;
  /** Op 3 that was ignored because something was wrong with it. */
  readonly invalidPresences: Counter;
  /** Clients that were let go because they read too slowly. */
  readonly slowClosed: Counter;
}

export function gatewayCounters(metrics: Pick<Metrics, 'counter'>): GatewayCounters {
  const counter = (name: string, what: string) =>
    metrics.counter({ name: `gateway_${name}_total`, help: `${what}, by people who were to be seen` });
  return {
    identified: counter('identifies', 'Sessions that were opened'),
    resumed: counter('resumes', 'Sessions that were taken up again'),
    invalidPresences: counter('invalid_presences', 'Presence updates that were ignored as wrong'),
    slowClosed: counter('slow_closes', 'Connections that were closed for reading too slowly'),
  };
}

/** Counts what a person has caused, unless others believe her to be away (semantics §6). Never rejects. */
export async function countSeen(
  counter: Counter,
  person: PersonId,
  context: Pick<PlexichatContext, 'presence'> & { readonly log: FastifyBaseLogger },
): Promise<void> {
  try {
    if (await isSeen(person, context)) counter.inc();
  } catch (error) {
    context.log.debug({ err: error }, 'not counted');
  }
}

/** Whether others see her there: nobody else may learn anything of what she does otherwise. Errors as in the store. */
export async function isSeen(
  person: PersonId,
  { presence }: Pick<PlexichatContext, 'presence'>,
): Promise<boolean> {
  return (await presence.look(person)).shown.mode !== 'offline';
}

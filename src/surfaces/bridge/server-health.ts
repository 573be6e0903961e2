import { z } from 'zod';

/** How the connection to a real server is. */
export interface ServerHealth {
  readonly name: string;
  readonly state: 'starting' | 'up' | 'down' | 'refused' | 'elsewhere';
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly reason: string | null;
  readonly backlog: number;
  readonly warnings: readonly string[];
}

export const serverSchema = z
  .object({
    name: z.string(),
    state: z
      .enum(['starting', 'up', 'down', 'refused', 'elsewhere'])
      .describe('refused: it does not accept our credentials; elsewhere: another node is connected to it'),
    since: z.number().int().describe('Since when it is in this state, ms since 1970'),
    reason: z.string().nullable().describe('Why it is down or refuses the bridge'),
    backlog: z.number().int().describe('Changes of presence that wait to be written there'),
    warnings: z.array(z.string()).describe('What to look at although it is up'),
  })
  .meta({ title: 'Server' });

export function encodeHealth(health: ServerHealth): z.output<typeof serverSchema> {
  return { ...health, warnings: [...health.warnings] };
}

import { Client } from 'pg';
import { StoreRefused } from '../refused.ts';
import { connect, placeOf, TIMEOUTS } from './primary.ts';
import { checkServer } from './server-check.ts';

export interface PrimaryCheck {
  /** Names it to an operator, without secrets. */
  readonly place: string;
  /** Why it cannot be used, and what to do; null when it can. */
  readonly refused: { readonly problem: string; readonly advice: string } | null;
  /** What it does not promise. */
  readonly warnings: readonly string[];
}

/** Looks at a server that is to keep a store: whether it answers, is fit, and commits what is written. Leaves nothing there. */
export async function checkPrimary(url: string, isOneOfMany: boolean): Promise<PrimaryCheck> {
  const place = placeOf(new Client({ connectionString: url }));
  const warnings: string[] = [];
  const hear = (message: string) => void warnings.push(message);
  try {
    const client = await connect({ url, name: 'plexibridge doctor', timeouts: TIMEOUTS });
    try {
      const logger = { info: () => undefined, warn: hear, error: () => undefined };
      await checkServer(client, place, isOneOfMany, logger);
      // A word in the write-ahead log that nobody reads: a commit as durable as any.
      await client.query(`SELECT pg_logical_emit_message(true, 'plexibridge', 'doctor')`);
    } finally {
      await client.end();
    }
    return { place, refused: null, warnings };
  } catch (error) {
    return { place, refused: refusalOf(error), warnings };
  }
}

function refusalOf(error: unknown): PrimaryCheck['refused'] {
  if (error instanceof StoreRefused) return { problem: error.problem, advice: `${error.advice}.` };
  // What tried several addresses in vain says nothing but its code.
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const problem = (error instanceof Error && error.message) || code || String(error);
  return { problem, advice: 'See that it runs there, takes writes and lets the bridge in.' };
}

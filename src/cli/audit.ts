import type { Command } from 'commander';
import { z } from 'zod';
import type { BridgeOptions } from './bridge-api.ts';
import { bridgeApi } from './bridge-api.ts';
import { count, withBridge } from './options.ts';
import { print, table, time } from './output.ts';

const entry = z.object({
  at: z.number(),
  actor: z.string(),
  action: z.string(),
  subjects: z.array(z.string()),
  details: z.record(z.string(), z.string()),
});
const pageBody = z.object({ entries: z.array(entry), next_cursor: z.string().nullable() });

/** Entries asked for at a time. */
const PAGE = 500;

/** `audit`. */
export function auditCommand(program: Command): void {
  withBridge(program.command('audit').description('what operators and links have changed, the newest first'))
    .option('--limit <count>', 'the most to list', count, 50)
    .action(audit);
}

async function audit(options: BridgeOptions & { readonly limit: number }): Promise<void> {
  const api = bridgeApi(options);
  const entries: z.output<typeof entry>[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: String(Math.min(PAGE, options.limit - entries.length)) });
    if (cursor !== null) query.set('cursor', cursor);
    const page = pageBody.parse(await api.call('GET', `/bridge/v1/audit?${query.toString()}`));
    entries.push(...page.entries);
    cursor = page.next_cursor;
  } while (cursor !== null && entries.length < options.limit);
  print(entries, options.json, () =>
    table([
      ['at', 'who', 'did', 'to', 'details'],
      ...entries.map(({ at, actor, action, subjects, details }) => [
        time(at),
        actor,
        action,
        subjects.join(' '),
        Object.entries(details)
          .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
          .join(' '),
      ]),
    ]),
  );
}

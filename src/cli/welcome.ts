import type { App } from '../app.ts';
import { examples } from '../app.ts';

/** What a first start made, with lines ready to paste. Printed once: the tokens are not kept. */
export function welcome(made: App['made'], baseUrl: string): string {
  const lines: string[] = [];
  if (made.operatorToken !== null) {
    lines.push('', 'Operator token, shown only now:', `  ${made.operatorToken}`);
  }
  for (const { person, network, id, token } of made.samples) {
    lines.push('', `${person.displayName ?? id} on ${network} is ${id}:`);
    for (const line of examples[network]?.(baseUrl, id, token) ?? []) lines.push(`  ${line}`);
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n\n`;
}

/** A metric as an expression of PromQL names it. */
export interface Mention {
  readonly name: string;
  readonly labels: readonly string[];
}

const WORDS = new Set(
  (
    'sum max min avg by on without rate increase changes histogram_quantile label_values absent ' +
    'and or unless'
  ).split(' '),
);

/** All metrics that an expression names, with the labels that it selects by. Reads what the published files use. */
export function mentions(expr: string): Mention[] {
  const bare = withoutGroups(expr).replace(/\[[^\]]*\]/g, '');
  return [...bare.matchAll(/([a-zA-Z_:][\w:]*)(\{[^}]*\})?/g)]
    .filter(([, name = '']) => !WORDS.has(name))
    .map(([, name = '', selector = '']) => ({
      name,
      labels: [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = '']) => label),
    }));
}

/** The labels that an expression groups by. */
export function groups(expr: string): string[] {
  return [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(/,\s*/));
}

function withoutGroups(expr: string): string {
  return expr.replace(/\bby \([^)]*\)/g, '').replace(/,\s*(?:job|instance)\)$/, ')');
}

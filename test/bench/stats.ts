/** A figure over some rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const median = ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
  return { median, min: sorted[0] ?? NaN, max: sorted.at(-1) ?? NaN };
}

/** The figures of each variant, by round. */
export type Rounds<Figures> = Readonly<Record<string, readonly Figures[]>>;

/**
 * Measures the variants in turns, in another order each round, so that what the machine does meanwhile meets all of them.
 * A first turn of each is thrown away.
 */
export async function alternate<Figures>(
  rounds: number,
  variants: Readonly<Record<string, () => Promise<Figures>>>,
): Promise<Rounds<Figures>> {
  const names = Object.keys(variants);
  const kept: Record<string, Figures[]> = Object.fromEntries(names.map((name) => [name, []]));
  // A single round is there to be run at all.
  for (let round = rounds > 1 ? -1 : 0; round < rounds; round++) {
    const shift = (round + 1) % names.length;
    for (const name of [...names.slice(shift), ...names.slice(0, shift)]) {
      const figures = await variants[name]?.();
      if (round >= 0 && figures !== undefined) kept[name]?.push(figures);
    }
  }
  return kept;
}

/** What `of` gives for each round. */
export function perRound<Figures>(
  rounds: Rounds<Figures>,
  of: (figures: (name: string) => Figures) => number,
): Spread {
  const count = Math.min(...Object.values(rounds).map((figures) => figures.length));
  return spreadOf(
    Array.from({ length: count }, (_, round) =>
      of((name) => {
        const figures = rounds[name]?.[round];
        if (figures === undefined) throw new Error(`no figures of ${name}`);
        return figures;
      }),
    ),
  );
}

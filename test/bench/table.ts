import type { Spread } from './stats.ts';

/** A line of the table. */
export interface Line {
  readonly what: string;
  /** Of the bridge, with its unit. */
  readonly figure: string;
  /** What it is held against, with its own figure; empty when nothing. */
  readonly reference: string;
  /** What the goal speaks of: a ratio to the reference, or the figure itself. */
  readonly value: Spread;
  readonly unit?: string;
  /** Null for what is told without a goal. */
  readonly goal: Goal | null;
}

export type Goal = { readonly atLeast: number } | { readonly atMost: number };

/** A line that could not be measured here, and why. */
export interface Skipped {
  readonly what: string;
  readonly skipped: string;
}

export type Result = Line | Skipped;

const HEAD = ['what', 'figure', 'reference', 'ratio (min–max)', 'goal', 'met?'];

/** Prints all lines in columns, and how many met their goals. */
export function printTable(results: readonly Result[]): void {
  const rows = [HEAD, ...results.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  for (const cells of rows) {
    console.log(
      cells
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join(' | ')
        .trimEnd(),
    );
  }
  const count = (word: string) => rows.filter((cells) => cells[5] === word).length;
  console.log(`\n${count('yes')} met, ${count('no')} missed, ${count('skipped')} skipped`);
}

function cellsOf(result: Result): string[] {
  if ('skipped' in result) return [result.what, result.skipped, '', '', '', 'skipped'];
  const { what, figure, reference, value, unit = '', goal } = result;
  const spread = `${short(value.median)}${unit} (${short(value.min)}–${short(value.max)})`;
  return [what, figure, reference, spread, goalText(goal, unit), metText(result)];
}

function goalText(goal: Goal | null, unit: string): string {
  if (goal === null) return '';
  return 'atLeast' in goal ? `≥ ${goal.atLeast}${unit}` : `≤ ${goal.atMost}${unit}`;
}

function metText({ value, goal }: Line): string {
  if (goal === null) return '';
  return ('atLeast' in goal ? value.median >= goal.atLeast : value.median <= goal.atMost) ? 'yes' : 'no';
}

/** Three digits or so. */
export function short(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** What cannot be right of a line, whatever the machine: the harness is broken. */
export function brokenParts(results: readonly Result[]): string[] {
  return results.flatMap((result) => {
    if ('skipped' in result) return [];
    const { median, min, max } = result.value;
    const isRight = [median, min, max].every((value) => Number.isFinite(value) && value > 0);
    const isTold = ![result.figure, result.reference].some((text) => /NaN|Infinity|undefined/.test(text));
    return isRight && isTold ? [] : [`${result.what}: ${result.figure} ${result.reference} ${median}`];
  });
}

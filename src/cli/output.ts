/** Prints data: as JSON where that was asked for, else as lines for people. */
export function print(data: unknown, json: boolean | undefined, lines: () => readonly string[]): void {
  const text = json ? JSON.stringify(data, null, 2) : lines().join('\n');
  process.stdout.write(text === '' ? '' : `${text}\n`);
}

/** Rows with their columns aligned, the first of them the headings. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** A time for people; `ms` since 1970. */
export function time(ms: number): string {
  return new Date(ms).toISOString();
}

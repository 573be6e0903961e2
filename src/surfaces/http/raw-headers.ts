/** Every value that was sent for a header; Node itself keeps only the first of some. `name` in lower case. */
export function sentValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    // Of nearly all others the length already tells that they are not meant.
    const sent = rawHeaders[i];
    if (sent?.length === name.length && sent.toLowerCase() === name) values.push(rawHeaders[i + 1] ?? '');
  }
  return values;
}

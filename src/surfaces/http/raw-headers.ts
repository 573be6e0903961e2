/** Every value that was sent for a header; Node itself keeps only the first of some. `name` in lower case. */
export function sentValues(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}

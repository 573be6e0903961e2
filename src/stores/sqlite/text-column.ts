/** The driver cuts text at U+0000. JSON's escapes keep it, and leave everyday text as it is. */
export function toColumn<T extends string | null>(text: T): T | string {
  return text === null ? text : JSON.stringify(text).slice(1, -1);
}

export function fromColumn(column: string): string {
  return JSON.parse(`"${column}"`) as string;
}

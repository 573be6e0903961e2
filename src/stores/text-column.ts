/** Neither driver keeps U+0000 in a text. JSON's escapes do, and leave everyday text as it is. */
export function toColumn<T extends string | null>(text: T): T | string {
  return text === null ? text : JSON.stringify(text).slice(1, -1);
}

export function fromColumn(column: string): string {
  return JSON.parse(`"${column}"`) as string;
}

/** Where a store says what only an operator can mend. */
export interface StoreLogger {
  info(message: string): void;
  warn(message: string): void;
  error(details: { readonly err: unknown }, message: string): void;
}

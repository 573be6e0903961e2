/** Where the connector says what happened; never tokens, texts, or anything of a hidden person above debug. */
export interface Log {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

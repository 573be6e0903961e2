/** Integers from this many digits on may be beyond 2^53, where JavaScript would round them. */
const LONG_INTEGER = /^-?\d{16,}$/;
/** In JSON that is known to be valid: a string, or a number as far as it goes. */
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
/** Digits outside of short strings, so that nearly all texts need no second look. */
const MAY_BE_LONG = /[^"\d]\d{16}|^\d{16}/;

/**
 * Reads what a real server sends. Integers of 16 digits and more become strings of their digits, because the server
 * writes some ids as numbers (Plexichat ids). Throws SyntaxError for exactly what is no JSON.
 */
export function parseServerJson(text: string): unknown {
  const value = JSON.parse(text) as unknown;
  return MAY_BE_LONG.test(text) ? (JSON.parse(quoteLongIntegers(text)) as unknown) : value;
}

function quoteLongIntegers(text: string): string {
  return text.replace(STRING_OR_NUMBER, (token) => (LONG_INTEGER.test(token) ? `"${token}"` : token));
}

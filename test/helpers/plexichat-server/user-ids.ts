const MAX_DIGITS = 4_300;

/** Reads a path's id with Python's rules for integers; null is a 400 (contract §1.2). */
export function parseUserId(segment: string): bigint | null {
  const match = /^([+-]?)(\p{Nd}+(?:_\p{Nd}+)*)$/u.exec(decode(segment).trim());
  if (!match) return null;
  const [, sign = '', written = ''] = match;
  const digits = Array.from(written.replaceAll('_', ''), digitValue).join('');
  if (digits.length > MAX_DIGITS) return null;
  const value = BigInt(digits);
  return sign === '-' ? -value : value;
}

/** Beyond what the database can hold. */
export function isHuge(id: bigint): boolean {
  return BigInt.asIntN(64, id) !== id;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Every script's digits are ten neighbours in Unicode, so the zero is where the run of digits begins. */
function digitValue(digit: string): number {
  const code = digit.codePointAt(0) ?? 0;
  let zero = code;
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return code - zero;
}

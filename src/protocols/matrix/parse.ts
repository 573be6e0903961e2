import type { z } from 'zod';
import { BridgeError } from '../../presence/errors.ts';

/** The value as the schema reads it. Throws `code` with the first problem, named by its place. */
export function parse<T>(schema: z.ZodType<T>, value: unknown, code: 'bad_json' | 'bad_parameter'): T {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const problems = error.issues.map(({ path, message }) =>
    [path.join('.'), message].filter(Boolean).join(': '),
  );
  throw new BridgeError(code, problems[0]);
}

import { z } from 'zod';

/** Milliseconds of each unit but `ms` itself. */
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const EXPECTED = 'expected a duration such as 250ms, 30s, 5m, 2h, 1d or never';

/** A duration as people write it, read as ms; `never` is Infinity. */
export const duration = z
  .string(EXPECTED)
  .regex(/^(\d+(ms|s|m|h|d)|never)$/, EXPECTED)
  .transform((text) => {
    if (text === 'never') return Infinity;
    return Number.parseInt(text, 10) * (UNIT_MS[text.replace(/^\d+/, '')] ?? 1);
  });

import { z } from 'zod';
import { DIALECT_SETTINGS } from '../../protocols/plexichat/wire.ts';

/** The settings of the Plexichat surface. */
export const plexichatSection = z.strictObject({
  dialect: z
    .enum(DIALECT_SETTINGS)
    .default('documented')
    .describe('How times are written: documented is seconds and null, server is milliseconds and 0'),
  cors_origins: z
    .array(z.string().refine(isOrigin, 'must be an origin such as https://app.example.com'))
    .default([])
    .describe('Origins of web pages that may call the Plexichat API'),
});

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

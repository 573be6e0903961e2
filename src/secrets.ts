import { createHash, randomBytes } from 'node:crypto';
import type { Secrets } from './presence/tokens.ts';

export const systemSecrets: Secrets = {
  random: (bytes) => randomBytes(bytes).toString('base64url'),
  hash: (text) => createHash('sha256').update(text).digest('base64url'),
};

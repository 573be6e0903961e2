import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A published file of `config/deploy`. */
export function deployFile(name: string): string {
  return fileURLToPath(new URL(`../../config/deploy/${name}`, import.meta.url));
}

export function readDeployFile(name: string): string {
  return readFileSync(deployFile(name), 'utf8');
}

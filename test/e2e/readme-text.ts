import { readFileSync } from 'node:fs';

/** A fenced block of the README. */
export interface Block {
  /** What stands after its first fence. */
  readonly info: string;
  readonly text: string;
}

/** All of them, in order. */
export function readmeBlocks(): Block[] {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  return [...readme.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, info = '', text = '']) => ({
    info,
    text,
  }));
}

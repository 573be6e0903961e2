import type { CustomStatus, Mode, Origin, SeenStatus } from './record.ts';
import { MODES } from './record.ts';

/** How one surface speaks: what it calls each mode, and how it shows a status (semantics §3, §8). */
export interface Dialect {
  readonly origin: Origin;
  readonly words: Readonly<Record<Mode, string>>;
  see(status: CustomStatus | null): SeenStatus;
}

/** The canonical mode a word stands for, or null when the dialect does not know it. */
export function modeOf(dialect: Dialect, word: string): Mode | null {
  return MODES.find((mode) => dialect.words[mode] === word) ?? null;
}

/** Whether the dialect can tell this mode from every other one. */
export function canExpress(dialect: Dialect, mode: Mode): boolean {
  return MODES.every((other) => other === mode || dialect.words[other] !== dialect.words[mode]);
}

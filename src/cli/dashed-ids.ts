import type { Command } from 'commander';

/** Ids of people and tokens: one in 64 begins with a dash, and would be taken for an option. No option looks like that. */
const DASHED = /^-[\w-]{15}$/;
/** No argument of a process can hold it. */
const SHIELD = '\0';

/** The arguments, with those that are ids kept from being options; `unshield` undoes it once they are sorted out. */
export function shieldIds(argv: readonly string[]): string[] {
  return argv.map((arg) => (DASHED.test(arg) ? SHIELD + arg : arg));
}

/** Gives the command that is about to run its arguments and options as they were. */
export function unshield(command: Command): void {
  command.processedArgs = command.processedArgs.map(bare);
  for (const [name, value] of Object.entries(command.opts())) command.setOptionValue(name, bare(value));
}

function bare(value: unknown): unknown {
  return typeof value === 'string' && value.startsWith(SHIELD) ? value.slice(1) : value;
}

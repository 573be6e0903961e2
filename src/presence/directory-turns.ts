import { BridgeError } from './errors.ts';
import { Serial } from './serial.ts';

/** Tries of a change that always meets another. */
const MAX_ATTEMPTS = 16;

/**
 * Changes of the directory that read before they write: on a node one at a time, and once more from the reading when
 * a presence write came between (`Directory.commit` then throws a `conflict` without words).
 */
export class DirectoryTurns {
  readonly #turns = new Serial<'directory'>();

  /** Throws what the task throws; `conflict` when it lost every race. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    return this.#turns.run('directory', async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await task();
        } catch (error) {
          const raced = error instanceof BridgeError && error.code === 'conflict' && error.message === '';
          if (!raced || attempt === MAX_ATTEMPTS) throw error;
        }
      }
    });
  }
}

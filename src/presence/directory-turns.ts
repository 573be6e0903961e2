import type { Directory } from './directory.ts';
import { BridgeError } from './errors.ts';
import { Serial } from './serial.ts';

/** The most changes that may wait for their turn on a node. */
const WAITING_LIMIT = 1000;
/** Tries of a change that always meets another. */
const MAX_ATTEMPTS = 16;

/**
 * Changes of the directory that read before they write: on a node one at a time, and once more from the reading when
 * a presence write or another node came between (`Directory.commit` then throws a `conflict` without words).
 */
export class DirectoryTurns {
  readonly #directory: Pick<Directory, 'position'>;
  readonly #turns = new Serial<'directory'>();

  constructor(directory: Pick<Directory, 'position'>) {
    this.#directory = directory;
  }

  /** The task commits on the base that it is given. Throws what it throws; `overloaded` when too many wait, or when it lost every race. */
  async run<T>(task: (base: number) => Promise<T>): Promise<T> {
    const attempts = async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await task(await this.#directory.position());
        } catch (error) {
          const raced = error instanceof BridgeError && error.code === 'conflict' && error.message === '';
          if (!raced) throw error;
          if (attempt === MAX_ATTEMPTS) throw new BridgeError('overloaded', '', { cause: error });
        }
      }
    };
    return this.#turns.run('directory', attempts, WAITING_LIMIT);
  }
}

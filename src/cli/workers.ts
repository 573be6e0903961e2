import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import { answerWorkers } from '../metrics/workers.ts';

/** How soon a worker that died is replaced, ms; each time later, until one has lived for `STEADY`. */
const FIRST_RETRY = 1_000;
const LAST_RETRY = 30_000;
const STEADY = 60_000;

/** Whether this process is one of several behind one port. */
export const isWorker = cluster.isWorker;

/**
 * Runs so many workers behind one port until SIGTERM or SIGINT, which go on to them. One that dies is replaced; when one cannot
 * even begin, all end. Resolves with the exit code once they are gone.
 */
export async function superviseWorkers(count: number, logger: Logger): Promise<number> {
  answerWorkers();
  const supervisor = new Supervisor(logger);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => supervisor.end(0));
  const lives = Array.from({ length: count }, () => supervisor.keepOne());
  await Promise.all(lives);
  return supervisor.exitCode;
}

class Supervisor {
  exitCode = 0;
  readonly #logger: Logger;
  readonly #over = new AbortController();
  #everListened = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Tells all workers to end, and replaces none any more. */
  end(exitCode: number): void {
    if (this.#over.signal.aborted) return;
    this.exitCode = exitCode;
    this.#over.abort();
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
  }

  /** Runs one worker after the other until the end. */
  async keepOne(): Promise<void> {
    const isOver = () => this.#over.signal.aborted;
    for (let wait = FIRST_RETRY; !isOver(); wait = Math.min(2 * wait, LAST_RETRY)) {
      const began = Date.now();
      const code = await this.#live(cluster.fork());
      if (isOver()) return;
      if (!this.#everListened) {
        this.end(code === 0 ? 1 : code);
        return;
      }
      this.#logger.error({ code }, 'a worker has died and will be replaced');
      if (Date.now() - began >= STEADY) wait = FIRST_RETRY;
      await setTimeout(wait, undefined, { signal: this.#over.signal }).catch(() => undefined);
    }
  }

  /** The exit code of a worker, 1 when a signal ended it. */
  async #live(worker: Worker): Promise<number> {
    worker.once('listening', ({ address, port }) => {
      if (!this.#everListened) process.stdout.write(`plexibridge listening on ${originOf(address, port)}\n`);
      this.#everListened = true;
    });
    const [code] = (await once(worker, 'exit')) as [number | null];
    return code ?? 1;
  }
}

function originOf(address: string, port: number): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

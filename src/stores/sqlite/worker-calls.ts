import { once } from 'node:events';
import { parentPort, Worker } from 'node:worker_threads';

/** Requests to a worker thread, answered in order. */
export interface Calls<Request, Reply> extends AsyncDisposable {
  /** Rejects with what the worker threw, or when the worker is gone. */
  call(request: Request): Promise<Reply>;
}

type Outcome<Reply> = { readonly reply: Reply } | { readonly error: string };

interface Waiting<Reply> {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

const CLOSE = 'close';

/** Starts the worker in `<name>.ts` beside this file; resolves once it is ready to answer. */
export async function startWorker<Request, Reply>(
  name: string,
  workerData: unknown,
): Promise<Calls<Request, Reply>> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./${name}.${extension}`, import.meta.url), { workerData });
  await once(worker, 'message');
  return new WorkerCalls(name, worker);
}

/** A worker that ends unasked stays ended: nobody knows what its last request did. */
class WorkerCalls<Request, Reply> implements Calls<Request, Reply> {
  readonly #worker: Worker;
  readonly #waiting: Waiting<Reply>[] = [];
  readonly #exit: Promise<void>;
  #end: Error | null = null;

  constructor(name: string, worker: Worker) {
    this.#worker = worker;
    worker.on('message', (outcome: Outcome<Reply>) => {
      const waiting = this.#waiting.shift();
      if ('error' in outcome) waiting?.reject(new Error(outcome.error));
      else waiting?.resolve(outcome.reply);
    });
    worker.on('error', (error) => this.#fail(error));
    this.#exit = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#fail(new Error(`the ${name} has ended`));
        resolve();
      });
    });
  }

  call(request: Request): Promise<Reply> {
    return this.#post(request);
  }

  /** Lets the worker finish, close its files and end. Rejects when it could not close them in good order. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#post(CLOSE);
    await this.#exit;
  }

  #post(message: Request | typeof CLOSE): Promise<Reply> {
    if (this.#end) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(message);
    });
  }

  #fail(error: Error): void {
    this.#end ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#end);
  }
}

/** The worker's side of `startWorker`: `handle` answers a request, `close` frees the files when the owner is done. */
export function answerCalls(handle: (request: unknown) => unknown, close: () => void): void {
  const port = parentPort;
  if (!port) throw new Error('this module runs in a worker thread');
  port.on('message', (message: unknown) => {
    try {
      if (message === CLOSE) {
        close();
        port.postMessage({ reply: null });
      } else {
        port.postMessage({ reply: handle(message) });
      }
    } catch (error) {
      port.postMessage({ error: error instanceof Error ? error.message : String(error) });
    } finally {
      if (message === CLOSE) port.close();
    }
  });
  port.postMessage('ready');
}

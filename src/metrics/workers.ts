import cluster from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import type { Registry } from 'prom-client';

/** Workers behind one port answer for all of them: each asks the process that holds them together. */
interface Question {
  readonly ask: 'metrics';
  readonly id: number;
}

interface Answer {
  readonly metricsFor: number;
  /** Null when not all of them could be asked. */
  readonly text: string | null;
}

/** In the process that holds the workers: answers what `metricsOfAllWorkers` asks. */
export function answerWorkers(): void {
  const aggregator = new AggregatorRegistry();
  cluster.on('message', (worker, message: unknown) => {
    if (!isQuestion(message)) return;
    const answer = (text: string | null) => {
      if (worker.isConnected()) worker.send({ metricsFor: message.id, text } satisfies Answer);
    };
    aggregator.clusterMetrics().then(answer, () => answer(null));
  });
}

/** In a worker: the metrics of all workers added up. Rejects when not all of them answer. */
export function metricsOfAllWorkers(own: Registry): () => Promise<string> {
  AggregatorRegistry.setRegistries([own]);
  new AggregatorRegistry();
  const waiting = new Map<number, (text: string | null) => void>();
  let asked = 0;
  process.on('message', (message: unknown) => {
    if (!isAnswer(message)) return;
    waiting.get(message.metricsFor)?.(message.text);
    waiting.delete(message.metricsFor);
  });
  return () =>
    new Promise((resolve, reject) => {
      const id = asked++;
      waiting.set(id, (text) => {
        if (text === null) reject(new Error('a worker does not answer'));
        else resolve(text);
      });
      process.send?.({ ask: 'metrics', id } satisfies Question);
    });
}

function isQuestion(message: unknown): message is Question {
  return typeof message === 'object' && message !== null && 'ask' in message && message.ask === 'metrics';
}

function isAnswer(message: unknown): message is Answer {
  return typeof message === 'object' && message !== null && 'metricsFor' in message;
}

import type { StoreLogger } from '../stores/logger.ts';

/** What a command tells beside its results, on standard error. */
export function commandLogger(): StoreLogger {
  const tell = (text: string) => void process.stderr.write(`${text}\n`);
  return {
    info: () => undefined,
    warn: (message: string) => tell(message),
    error: ({ err }: { readonly err: unknown }, message: string) => tell(`${message}: ${reasonOf(err)}`),
  };
}

/** What went wrong, for an operator; of an error without words that of its cause. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message;
  return error.cause === undefined ? error.name : reasonOf(error.cause);
}

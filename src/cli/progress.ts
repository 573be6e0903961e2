import { SingleBar } from 'cli-progress';

/** Runs long work with a bar on standard error where that is a terminal, and with nothing where it is not. */
export function withProgress<T>(what: string, work: (progress: Progress) => T): T {
  // Signals end the work as ever, since the bar changes nothing that would have to be put back.
  const bar = new SingleBar({
    format: `${what} [{bar}] {percentage}% of {total} rows`,
    gracefulExit: false,
    clearOnComplete: true,
  });
  try {
    return work((done, total) => {
      if (done === 0) bar.start(total, 0);
      else bar.update(done);
    });
  } finally {
    bar.stop();
  }
}

/** Told now and then how much is done, of how much; 0 where a part of the work begins. */
type Progress = (done: number, total: number) => void;

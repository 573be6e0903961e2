import { SingleBar } from 'cli-progress';

/** A bar on a terminal; nothing anywhere else. */
export interface Progress {
  /** Begins a stretch of work, `done` of which is done already. */
  begin(what: string, total: number, done?: number): void;
  advance(by: number): void;
  end(): void;
}

/** Shown on standard error, which leaves the results of a command alone. */
export function showProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  if (!stream.isTTY) return { begin: () => undefined, advance: () => undefined, end: () => undefined };
  const format = '{what} {bar} {percentage}% | {value}/{total} | {eta_formatted} left';
  const bar = new SingleBar({
    stream,
    format,
    hideCursor: true,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
  return {
    begin: (what, total, done = 0) => {
      bar.stop();
      bar.start(total, done, { what });
    },
    advance: (by) => bar.increment(by),
    end: () => bar.stop(),
  };
}

/** Runs work that tells now and then how much is done, of how much (0 where a part of it begins), with a bar. */
export function withProgress<T>(what: string, work: (told: (done: number, total: number) => void) => T): T {
  const bar = showProgress();
  let before = 0;
  try {
    return work((done, total) => {
      if (done === 0) bar.begin(what, total);
      else bar.advance(done - before);
      before = done;
    });
  } finally {
    bar.end();
  }
}

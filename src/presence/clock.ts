/** The only source of time; injected, so that tests turn it by hand. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs the task once `ms` from now, unless disposed before. Does not keep the process alive. */
  after(ms: number, task: () => void): Disposable;
}

/** The longest that `setTimeout` can wait, ms; what is due later is asked for again then. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, task) => {
    const wait = (left: number): NodeJS.Timeout => {
      const step = Math.min(left, LONGEST_TIMEOUT);
      return setTimeout(() => {
        if (left > step) timer = wait(left - step);
        else task();
      }, step).unref();
    };
    let timer = wait(ms);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** Why a store is not used. It has been left as it was found. */
export class StoreRefused extends Error {
  readonly problem: string;
  readonly advice: string;

  /** `place` is a file or a database; `problem` and `advice` are sentences for an operator. */
  constructor(place: string, problem: string, advice: string, options?: ErrorOptions) {
    super(`${place}: ${problem}. ${advice}.`, options);
    this.name = 'StoreRefused';
    this.problem = problem;
    this.advice = advice;
  }
}

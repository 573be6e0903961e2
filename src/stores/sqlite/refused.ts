/** Why a data folder or one of its files is not used. It has been left as it was found. */
export class StoreRefused extends Error {
  /** `problem` and `advice` are sentences for an operator. */
  constructor(file: string, problem: string, advice: string, options?: ErrorOptions) {
    super(`${file}: ${problem}. ${advice}.`, options);
    this.name = 'StoreRefused';
  }
}

export const RESTORE_ADVICE = 'Restore a backup into an empty folder, and keep this one for analysis';

import type { Homeserver } from './homeserver.ts';
import { HomeserverFault } from './homeserver-fault.ts';

/** Matrix §application services, pinging: the homeserver's verdicts about the bridge. */
const VERDICTS = new Set(['M_URL_NOT_SET', 'M_BAD_STATUS', 'M_CONNECTION_FAILED', 'M_CONNECTION_TIMEOUT']);

const WARNING = 'the homeserver cannot reach the bridge: check url and hs_token in its registration';

export interface CallbackOptions {
  readonly homeserver: Pick<Homeserver, 'ping'>;
  /** What the homeserver calls the bridge's registration. */
  readonly registrationId: string;
  readonly logger: { warn(details: object, message: string): void };
  readonly report: (problem: string, error: unknown) => void;
}

/** Whether the homeserver reaches the bridge, which only the homeserver can tell. */
export class Callback {
  readonly #options: CallbackOptions;
  #problem: string | null = null;
  #asked = 0;

  constructor(options: CallbackOptions) {
    this.#options = options;
  }

  /** What an operator should know; null when all is well, or nothing is known. */
  get warning(): string | null {
    return this.#problem === null ? null : `${WARNING} (${this.#problem})`;
  }

  /** Has the homeserver try, whereupon it also sends what it has kept for the bridge. Never throws. */
  async ask(): Promise<void> {
    const { homeserver, registrationId, logger, report } = this.#options;
    try {
      await homeserver.ping(registrationId, `ping-${++this.#asked}`);
      this.#problem = null;
    } catch (error) {
      const errcode = error instanceof HomeserverFault ? error.errcode : null;
      if (!(error instanceof HomeserverFault)) report('a ping failed', error);
      if (errcode === null || !VERDICTS.has(errcode)) return;
      if (this.#problem === null) logger.warn({ errcode }, WARNING);
      this.#problem = errcode;
    }
  }

  /** It has just done so. */
  reached(): void {
    this.#problem = null;
  }
}

import type { BridgeError } from '../../presence/errors.ts';

export interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** What to answer to a request for this URL that no surface takes. */
export type Refuse = (url: string, error: BridgeError) => Refusal;

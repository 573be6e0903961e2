export interface Reply {
  readonly status: number;
  /** Sent as JSON, except bytes, which are sent as a PNG. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export function ok(body: unknown): Reply {
  return { status: 200, body };
}

/** The envelope of every error but 429. */
export function failure(status: number, message: string, reason?: string): Reply {
  return {
    status,
    body: { error: { code: status, message, ...(reason === undefined ? {} : { reason }) } },
  };
}

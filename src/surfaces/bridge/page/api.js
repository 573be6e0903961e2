/** A refusal of the bridge, in its own words. */
export class ApiError extends Error {
  constructor(status, { code, message }) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * Calls the bridge: with a token where one is given, else by the session of this browser. Resolves with the body, null when
 * there is none; throws ApiError, or a TypeError when the bridge cannot be reached.
 */
export async function call(method, path, { body, token } = {}) {
  const reply = await fetch(`/bridge/v1${path}`, {
    method,
    credentials: token === undefined ? 'same-origin' : 'omit',
    headers: {
      'x-plexibridge-page': '1',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  const said = text === '' ? null : JSON.parse(text);
  if (!reply.ok) throw new ApiError(reply.status, said?.error ?? { code: 'internal', message: text });
  return said;
}

/** What to tell a person of something that went wrong. */
export function words(error) {
  return error instanceof ApiError ? error.message : 'The bridge cannot be reached.';
}

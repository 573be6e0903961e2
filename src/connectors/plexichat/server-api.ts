import type { CallOptions, PlexichatRest } from './rest.ts';

/** What the connector asks of the server's REST API. */
export type ServerApi = Pick<
  PlexichatRest,
  'identify' | 'presence' | 'writePresence' | 'relationships' | 'members' | 'user' | 'version'
>;

/** The same until `over` aborts: what still waits for its turn then is given up. */
export function endingWith(over: AbortSignal, server: ServerApi): ServerApi {
  const until = ({ signal, ...options }: CallOptions = {}): CallOptions => ({
    ...options,
    signal: signal ? AbortSignal.any([signal, over]) : over,
  });
  return {
    identify: (token, options) => server.identify(token, until(options)),
    presence: (token, userId, options) => server.presence(token, userId, until(options)),
    writePresence: (token, write, options) => server.writePresence(token, write, until(options)),
    relationships: (token, options) => server.relationships(token, until(options)),
    members: (token, guildId, options) => server.members(token, guildId, until(options)),
    user: (token, userId, options) => server.user(token, userId, until(options)),
    version: (options) => server.version(until(options)),
  };
}

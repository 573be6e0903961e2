import type { FastifyRequest } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';
import type { Caller } from '../../presence/tokens.ts';
import { sentValues } from '../http/raw-headers.ts';
import type { PlexichatContext } from './context.ts';

/** One space, this case, and nothing around (Plexichat authorization). */
const AUTHORIZATION = /^(?:Bearer|Bot) ([\w.-]+)$/;
const USER_TOKEN = /^\d+\.[\w-]+$/;
/** Tokens of kinds that the bridge never gives out; a server that vouches for a bot's says who owns the bot. */
const BOT_TOKEN = /^bot\.\d+\.[\w-]+$/;
const OTHER_TOKEN = /^(?:email|2fa)\.\d+\.[\w-]+$/;

/** Who calls. Throws `missing_token`, `unknown_token`, or `rate_limited` for an address that failed too often. */
export async function authenticate(
  request: FastifyRequest,
  { gate, network, serverTokens }: Pick<PlexichatContext, 'gate' | 'network' | 'serverTokens'>,
): Promise<Caller> {
  const token = readToken(sentValues(request.raw.rawHeaders, 'authorization'), serverTokens);
  if (token instanceof BridgeError) return gate.refuse(request.ip, token);
  return gate.admit(token, request.ip, network.name);
}

/** The token in the Authorization headers of a request, or why there is none; a bot's only where `bots` may call. */
export function readToken(values: readonly string[], bots: boolean): string | BridgeError {
  const [value = ''] = values;
  if (values.length > 1 || value.includes(',')) {
    return new BridgeError('missing_token', 'Multiple Authorization headers');
  }
  const token = AUTHORIZATION.exec(value)?.[1];
  if (token === undefined) return new BridgeError('missing_token');
  if (USER_TOKEN.test(token)) return token;
  if (bots && BOT_TOKEN.test(token)) return token;
  if (BOT_TOKEN.test(token)) return new BridgeError('unknown_token', 'Invalid Bot');
  if (OTHER_TOKEN.test(token)) return new BridgeError('unknown_token', 'Unknown type');
  return new BridgeError('unknown_token', 'Invalid token');
}

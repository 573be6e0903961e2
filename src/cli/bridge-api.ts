import { readFileSync } from 'node:fs';
import { request } from 'undici';
import type { Settings } from '../app.ts';
import { urlOf } from './listening.ts';
import type { ConfigOption } from './settings.ts';
import { readSettings } from './settings.ts';
import { UsageError } from './usage-error.ts';

/** The options of every command that calls a running bridge. */
export interface BridgeOptions extends ConfigOption {
  /** Where it is; where the settings say that it listens if absent. */
  readonly url?: string;
  /** A file with the operator token; the settings have it if absent. */
  readonly tokenFile?: string;
  readonly json?: boolean;
}

/** The operator API of a running bridge. */
export interface BridgeApi {
  /** The body of the answer. Throws an error for people who run the bridge. */
  call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<unknown>;
}

export interface OperatorToken {
  readonly text: string;
  /** Where it came from, in words. */
  readonly source: string;
}

/** The longest that one answer may take, ms. */
const PATIENCE = 30_000;
export const TOKEN_ADVICE =
  'It must be the one that the bridge was started with: operator.token of its settings or ' +
  'PLEXIBRIDGE__OPERATOR__TOKEN, else the one that its first start printed. After a change, restart the bridge.';

/** Throws when the settings cannot be used or there is no operator token. */
export function bridgeApi(options: BridgeOptions): BridgeApi {
  const settings = readSettings(options);
  const base = baseOf(settings, options);
  const token = operatorToken(settings, options.tokenFile);
  if (!token) throw new Error(NO_TOKEN);
  return { call: (method, path, body) => callBridge(base, token, method, path, body) };
}

/** Where the bridge is, without a slash at the end. Throws `UsageError`. */
export function baseOf({ listen }: Settings, { url }: BridgeOptions): string {
  const base = (url ?? urlOf(listen)).replace(/\/+$/, '');
  if (/^https?:$/.test(URL.canParse(base) ? new URL(base).protocol : '')) return base;
  throw new UsageError(`--url ${base} is no http or https URL.`);
}

/** From the file, else from the settings; null where there is none. */
export function operatorToken({ operator }: Settings, file: string | undefined): OperatorToken | null {
  if (file !== undefined) return { text: readFileSync(file, 'utf8').trim(), source: file };
  return operator.token === undefined ? null : { text: operator.token, source: 'the settings' };
}

const NO_TOKEN = `There is no operator token: give --token-file, operator.token or PLEXIBRIDGE__OPERATOR__TOKEN. ${TOKEN_ADVICE}`;

async function callBridge(
  base: string,
  token: OperatorToken,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body: object | undefined,
): Promise<unknown> {
  if (!/^[\x21-\x7e]+$/.test(token.text))
    throw new Error(`The operator token of ${token.source} is not one line`);
  const headers = { authorization: `Bearer ${token.text}`, 'content-type': 'application/json' };
  const signal = AbortSignal.timeout(PATIENCE);
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const reply = await request(base + path, { method, headers, signal, ...sent }).catch((error: unknown) => {
    throw new Error(noAnswer(base, error), { cause: error });
  });
  const text = await reply.body.text();
  const said = json(text);
  if (reply.statusCode < 300) {
    if (text !== '' && said === undefined) throw new Error(noBridge(base, reply.statusCode));
    return said ?? null;
  }
  throw new Error(refusal(base, token, reply.statusCode, said));
}

/** Why there was no answer at all, and what to do. */
function noAnswer(base: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ECONNREFUSED') {
    return `No bridge runs at ${base}. Start it with \`plexibridge serve\`, or say where it is with --url or --config.`;
  }
  const why =
    error instanceof Error && error.name === 'TimeoutError' ? 'it took too long' : code || 'it broke off';
  return `The bridge at ${base} gave no answer (${why}). Is that where it listens? Say where it is with --url.`;
}

function refusal(base: string, token: OperatorToken, status: number, said: unknown): string {
  const error = errorOf(said);
  if (!error) return noBridge(base, status);
  if (error.code === 'unknown_token') {
    return `The bridge at ${base} does not know the operator token of ${token.source}. ${TOKEN_ADVICE}`;
  }
  if (error.code === 'rate_limited') {
    return `The bridge at ${base} refuses to listen for a while, because too many wrong tokens came from here. Try again in a minute.`;
  }
  return `The bridge refused (${error.code}): ${error.message}`;
}

function noBridge(base: string, status: number): string {
  return `What answers at ${base} is no plexibridge of this version (status ${status}). Say where the bridge is with --url.`;
}

function errorOf(said: unknown): { code: string; message: string } | null {
  if (typeof said !== 'object' || said === null || !('error' in said)) return null;
  const { error } = said;
  if (typeof error !== 'object' || error === null || !('code' in error) || !('message' in error)) return null;
  return { code: String(error.code), message: String(error.message) };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

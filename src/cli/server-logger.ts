import type { DestinationStream, Logger, LevelWithSilent } from 'pino';
import { pino } from 'pino';

/** What stands for what was left out. */
const LEFT_OUT = '[left out]';

/** Keys whose values are secrets, or what people say of themselves. */
const PRIVATE_KEYS = [
  'token',
  'access_token',
  'as_token',
  'hs_token',
  'token_key',
  'password',
  'authorization',
  'cookie',
  'body',
  'text',
  'emoji',
  'status_msg',
  'custom_status',
  'custom_emoji',
  'custom_text',
];

/** Secrets by how they look, wherever they are in a line: what follows the name of a token, and passwords in URLs. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/((?:access|as|hs)_token(?:=|%3D|\\?["']?:\s*\\?["']?))[^&\s"'\\,}]+/gi, `$1${LEFT_OUT}`],
  [/\b(Bearer\s+)[^\s"'\\,]+/gi, `$1${LEFT_OUT}`],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"'\\]*:)[^\s@"'\\]+@/gi, `$1${LEFT_OUT}@`],
  [/\b(?:pxo|pxb|syt)_[\w-]{8,}/g, LEFT_OUT],
  [/\b\d{15,20}\.[\w-]{16,}/g, LEFT_OUT],
];

/** The log of a running bridge, on standard output unless told otherwise: lines of JSON without secrets and statuses. */
export function serverLogger(level: LevelWithSilent, destination?: DestinationStream): Logger {
  const options = {
    level,
    redact: { paths: PRIVATE_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: LEFT_OUT },
    serializers: { err: describeError },
    hooks: { streamWrite: withoutSecrets },
  };
  return destination ? pino(options, destination) : pino(options);
}

function withoutSecrets(line: string): string {
  return SECRETS.reduce((text, [pattern, instead]) => text.replace(pattern, instead), line);
}

interface DescribedError {
  readonly type: string;
  readonly message: string;
  readonly code?: string | number;
  readonly stack?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** What an error says by itself. Anything hung onto it stays out, such as the row that a database quotes. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return typeof error === 'object' ? LEFT_OUT : error;
  const { name, cause, stack } = error;
  const code = 'code' in error && /^(?:string|number)$/.test(typeof error.code) ? error.code : undefined;
  const described: DescribedError = {
    type: name,
    message: messageOf(error),
    ...(code !== undefined && { code: code as string | number }),
    ...(stack !== undefined && { stack: framesOf(stack) }),
    ...(cause !== undefined && { cause: describeError(cause) }),
    ...(error instanceof AggregateError && { errors: error.errors.map(describeError) }),
  };
  return described;
}

/** A parser quotes what it could not read, and that may be anybody's words. */
function messageOf({ name, message }: Error): string {
  return name === 'SyntaxError' ? message.replace(/["'`].*["'`]/s, LEFT_OUT) : message;
}

/** The frames alone: the first lines are the message again. */
function framesOf(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}

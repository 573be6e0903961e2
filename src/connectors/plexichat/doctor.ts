import type { Clock } from '../../presence/clock.ts';
import { parseServerJson } from '../../protocols/plexichat/server-json.ts';
import type { Check, Finding } from '../check.ts';
import { fail, ok, skipped, warn } from '../check.ts';
import type { Outbound } from '../outbound.ts';
import { Witness } from '../witness.ts';
import type { PlexichatBudgets } from './budgets.ts';
import { PlexichatFault } from './fault.ts';
import type { GatewayRefusal } from './gateway-client.ts';
import { GatewayClient } from './gateway-client.ts';
import type { LinkEnd } from './gateway-link.ts';
import { PlexichatRest } from './rest.ts';

export interface ServerDoctorOptions {
  readonly outbound: Pick<Outbound, 'request'>;
  readonly budgets: PlexichatBudgets;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly url: string;
  readonly token: string | undefined;
  readonly accessToken: string | undefined;
  readonly rateLimitBypass: string | undefined;
  readonly requestsPerMinute: number;
  /** Whether it may do what others see: the bridge's account goes online and offline again. */
  readonly deep: boolean;
}

/** Times below are seconds, those from it on ms (semantics §7). */
const FIRST_MS = 1e11;
/** How far in the future a time may lie before its unit is in doubt, ms. */
const FUTURE_MS = 86_400_000;
const BUSY_ADVICE =
  'Wait a minute and run doctor again. If it lasts, something else asks that server from this address, or plexichat.server.requests_per_minute is too high.';

/** What can be wrong between the bridge and a Plexichat server, in the order in which it matters. */
export function serverChecks(options: ServerDoctorOptions) {
  const { clock, url, token } = options;
  const witness = new Witness(options.outbound, () => clock.now());
  const rest = new PlexichatRest({ ...options, outbound: witness, baseUrl: url });
  let userId: string | null = null;
  const ask = () => rest.version({ priority: 'interactive' });

  const checks: Check[] = [
    { name: 'plexichat', needs: [], run: () => checkServer(url, ask) },
    {
      name: 'plexichat-token',
      needs: ['plexichat'],
      run: async () => {
        if (token === undefined) {
          const advice = 'Give the bridge an account there and its token in plexichat.server.token.';
          return warn('the bridge has no token there, so it follows nobody', advice);
        }
        try {
          userId = await rest.identify(token);
          return ok(`the token is of the account ${userId}`);
        } catch (error) {
          return tokenFinding(faultOf(error));
        }
      },
    },
    {
      name: 'plexichat-intent',
      needs: ['plexichat-token'],
      run: () => (userId === null || token === undefined ? unknown() : checkIntent(options, token)),
    },
    {
      name: 'plexichat-timestamps',
      needs: ['plexichat-token'],
      run: async () => {
        if (userId === null || token === undefined) return unknown();
        try {
          await rest.presence(token, userId, { priority: 'interactive' });
        } catch (error) {
          return readingFailed(faultOf(error));
        }
        return timestampFinding(lastSeenOf(witness), clock.now());
      },
    },
    {
      name: 'plexichat-limits',
      needs: ['plexichat'],
      run: () => Promise.resolve(limitFinding(witness, options.requestsPerMinute)),
    },
  ];
  return { checks, witness, ask };
}

function faultOf(error: unknown): PlexichatFault {
  if (error instanceof PlexichatFault) return error;
  throw error;
}

function unknown(): Promise<Finding> {
  return Promise.resolve(skipped('nothing is known of the token'));
}

async function checkServer(url: string, ask: () => Promise<string>): Promise<Finding> {
  try {
    return ok(`${url} answers, as version ${await ask()}`);
  } catch (error) {
    const { kind, status } = faultOf(error);
    if (kind === 'rate_limited')
      return warn(`${url} is there, and refuses to answer for a while`, BUSY_ADVICE);
    const why = status === null ? 'nothing usable came' : `it answers ${status} with ${kind}`;
    const advice = 'Start it, or set plexichat.server.url to its base URL, without /api/v1.';
    return fail(`${url} does not answer as a Plexichat server: ${why}`, advice);
  }
}

function tokenFinding({ kind, status, said }: PlexichatFault): Finding {
  if (kind === 'rate_limited' && status === 401) {
    const found =
      'the server says unauthorized because too many tokens were verified from this address; the token itself may be good';
    return warn(found, BUSY_ADVICE);
  }
  if (kind === 'rate_limited')
    return warn('the server refuses to look at the token for a while', BUSY_ADVICE);
  if (kind === 'unauthorized') {
    return fail(
      'the server does not take the token',
      'Sign in as the account of the bridge, and put its token into plexichat.server.token; sessions end by signing out and by a new password.',
    );
  }
  if (kind === 'forbidden') {
    return fail(
      'the account of the bridge is suspended, or must change its name',
      'Sign in as that account and see what it asks for.',
    );
  }
  if (status === 401) {
    const advice = 'Set plexichat.server.access_token to the one that its operator gives out.';
    return fail(
      `the server demands an X-API-Access-Token${said?.startsWith('Invalid') ? ', another than this one' : ''}`,
      advice,
    );
  }
  return fail(`the server did not say whose the token is: ${kind}`, 'Look at its log.');
}

/** IDENTIFY makes its account online for all to see, so it is tried only where that was asked for. */
async function checkIntent(options: ServerDoctorOptions, token: string): Promise<Finding> {
  if (!options.deep) {
    const found =
      'whether the gateway lets the bridge have presence (intent 256) shows only when it identifies, which puts its account online';
    return skipped(found, 'Run doctor with --deep, or look at /bridge/v1/servers of a running bridge.');
  }
  const outcome = await identify(options, token);
  if (outcome === 'ready') return ok('the gateway takes the bridge, with presence (intent 256)');
  if (outcome === 'intents') {
    return fail(
      'the gateway does not give presence (intent 256) to this account',
      'Use an account of a user, or allow that intent to the bot.',
    );
  }
  if (outcome === 'rate_limited') return warn('the gateway takes nobody for a while', BUSY_ADVICE);
  return fail(
    `the gateway could not be used: ${outcome}`,
    'Let whatever stands before the server pass WebSockets at /gateway.',
  );
}

async function identify(
  { url, budgets, clock, random }: ServerDoctorOptions,
  token: string,
): Promise<'ready' | GatewayRefusal | LinkEnd> {
  let client: GatewayClient | null = null;
  const first = await new Promise<'ready' | GatewayRefusal | LinkEnd>((resolve) => {
    const events = {
      ready: () => resolve('ready'),
      refused: resolve,
      down: resolve,
      presence: () => undefined,
      relationship: () => undefined,
      unreadable: () => undefined,
    };
    const checkToken = () => Promise.resolve('good' as const);
    client = new GatewayClient({ baseUrl: url, token, budgets, clock, random, checkToken, events });
    client.start();
  });
  await (client as GatewayClient | null)?.[Symbol.asyncDispose]();
  return first;
}

function readingFailed({ kind }: PlexichatFault): Finding {
  if (kind === 'rate_limited') return warn('the server refuses to answer for a while', BUSY_ADVICE);
  return fail(`the presence of the account cannot be read: ${kind}`, 'Look at the log of the server.');
}

/** `last_seen` of the newest reply that has one, as the server writes it. */
function lastSeenOf({ replies }: Witness): number | null {
  for (const { text } of replies.toReversed()) {
    const body: unknown = parseJson(text);
    if (typeof body !== 'object' || body === null || !('last_seen' in body)) continue;
    return typeof body.last_seen === 'number' && body.last_seen > 0 ? body.last_seen : null;
  }
  return null;
}

function parseJson(text: string): unknown {
  try {
    return parseServerJson(text);
  } catch {
    return undefined;
  }
}

function timestampFinding(lastSeen: number | null, now: number): Finding {
  if (lastSeen === null) return skipped('the account never wrote a status, so the server tells no time');
  const unit = lastSeen < FIRST_MS ? 's' : 'ms';
  const ms = unit === 's' ? lastSeen * 1000 : lastSeen;
  if (ms > now + FUTURE_MS) {
    const advice =
      'It is neither in seconds nor in ms, or the clock of the server is wrong; until that is mended last activities are wrong, too.';
    return warn(`the server tells times in the far future (${lastSeen})`, advice);
  }
  return ok(`the server tells times in ${unit === 's' ? 'seconds' : 'milliseconds'}; the bridge reads both`);
}

function limitFinding({ replies }: Witness, requestsPerMinute: number): Finding {
  const refused = replies.find(({ status }) => status === 429);
  if (refused) return warn('the server limits the rate of requests from this address', BUSY_ADVICE);
  const limits = replies.flatMap(({ headers }) => {
    const limit = Number(headers['x-ratelimit-limit']);
    return headers['x-ratelimit-limit'] !== undefined && Number.isFinite(limit) ? [limit] : [];
  });
  if (limits.length === 0) return ok('the server tells of no limits');
  const least = Math.min(...limits);
  if (least < requestsPerMinute / 2) {
    const found = `the server allows ${least} requests of one kind at a time, and the bridge would send ${requestsPerMinute} in a minute`;
    return warn(found, 'Lower plexichat.server.requests_per_minute, or give the bridge a rate_limit_bypass.');
  }
  return ok(`the least limit that the server tells is ${least} requests`);
}

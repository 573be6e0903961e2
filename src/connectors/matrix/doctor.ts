import type { Clock } from '../../presence/clock.ts';
import type { Check, Finding, RunningBridge } from '../check.ts';
import { fail, ok, skipped, warn } from '../check.ts';
import type { Outbound } from '../outbound.ts';
import { Witness } from '../witness.ts';
import { Homeserver } from './homeserver.ts';
import { HomeserverFault } from './homeserver-fault.ts';
import type { Registration, RegistrationTerms } from './registration.ts';
import { standInFor, userIdOf } from './registration.ts';
import { RegistrationError } from './registration-file.ts';

export interface HomeserverDoctorOptions {
  readonly outbound: Pick<Outbound, 'request'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly url: string;
  readonly terms: RegistrationTerms;
  /** Whether the bridge writes presence there. */
  readonly push: boolean;
  /** The longest that a request may take, ms. */
  readonly timeoutMs: number;
  /** Reads the registration file. Throws `RegistrationError`. */
  readonly readRegistration: () => Registration;
  /** Null when none runs. */
  readonly bridge: RunningBridge | null;
}

/** Whose stand-in is made to see whether one can be: nobody has that id. */
const NOBODY = '1';
const RESTART = 'restart the homeserver after every change of the registration file';
const RECHECK =
  'Check that app_service_config_files of the homeserver names the same file as matrix.homeserver.registration, and';

/** What can be wrong between the bridge and its homeserver, in the order in which it matters. */
export function homeserverChecks(options: HomeserverDoctorOptions) {
  const { clock, url, terms, readRegistration } = options;
  const witness = new Witness(options.outbound, () => clock.now());
  let registration: Registration | null = null;
  let pings = false;
  const homeserver = () => new Homeserver({ outbound: witness, asToken: registration?.asToken ?? '', clock });
  const known = (run: (registration: Registration) => Promise<Finding>) => () =>
    registration ? run(registration) : Promise.resolve(skipped('there is no registration'));

  const checks: Check[] = [
    {
      name: 'homeserver',
      needs: [],
      run: async () => {
        try {
          const { busy, ping } = await homeserver().versions();
          pings = ping;
          return ok(`${url} answers; it has ${busy ? 'a' : 'no'} word for do not disturb (MSC3026)`);
        } catch (error) {
          return unreachable(url, faultOf(error));
        }
      },
    },
    {
      name: 'registration',
      needs: [],
      run: () => {
        try {
          registration = readRegistration();
          return Promise.resolve(ok('the registration file fits the settings'));
        } catch (error) {
          if (!(error instanceof RegistrationError)) throw error;
          const advice =
            'Mend it, or make a new one with `plexibridge registration generate --force`, and restart the homeserver.';
          return Promise.resolve(fail(error.message, advice));
        }
      },
    },
    {
      name: 'as-token',
      needs: ['homeserver', 'registration'],
      run: known((registration) => checkAsToken(homeserver(), userIdOf(registration.senderLocalpart, terms))),
    },
    {
      name: 'ping',
      needs: ['as-token'],
      run: known((registration) => checkPing(homeserver(), registration, pings, options)),
    },
    { name: 'delivery', needs: ['ping'], run: () => checkDelivery(options.bridge) },
    {
      name: 'stand-in',
      needs: ['as-token'],
      run: () => checkStandIn(homeserver(), standInFor(NOBODY, terms), options.push),
    },
    {
      name: 'homeserver-limits',
      needs: ['stand-in'],
      run: () => checkLimits(homeserver(), standInFor(NOBODY, terms), witness, options),
    },
  ];
  return { checks, witness, ask: () => homeserver().versions() };
}

/** The fault; anything else is the bridge's own, and thrown on. */
function faultOf(error: unknown): HomeserverFault {
  if (error instanceof HomeserverFault) return error;
  throw error;
}

function unreachable(url: string, { kind, reason }: HomeserverFault): Finding {
  const found = `${url} does not answer as a homeserver: ${reason}`;
  return kind === 'unavailable'
    ? fail(
        found,
        'Start the homeserver, or set matrix.homeserver.url to where the bridge reaches its client API.',
      )
    : fail(found, 'Set matrix.homeserver.url to the base URL of the client API, without /_matrix.');
}

async function checkAsToken(homeserver: Homeserver, senderId: string): Promise<Finding> {
  try {
    const userId = await homeserver.whoami();
    if (userId === senderId) return ok(`the homeserver knows the bridge as ${userId}`);
    const found = `the homeserver takes the bridge for ${userId}, not for ${senderId}`;
    return fail(
      found,
      `It has another sender_localpart, or another server_name than matrix.server_name. ${RECHECK} ${RESTART}.`,
    );
  } catch (error) {
    const { kind, reason } = faultOf(error);
    if (kind === 'unknown_token' || kind === 'forbidden') {
      return fail('the homeserver does not know the as_token of the registration', `${RECHECK} ${RESTART}.`);
    }
    return fail(`the homeserver did not say whom it takes the bridge for: ${reason}`, 'Look at its log.');
  }
}

async function checkPing(
  homeserver: Homeserver,
  { id, hsToken, url }: Registration,
  pings: boolean,
  { bridge }: HomeserverDoctorOptions,
): Promise<Finding> {
  if (!bridge)
    return skipped('no bridge runs that the homeserver could call', 'Start it, and run doctor again.');
  const status = await bridge.post('/_matrix/app/v1/ping', hsToken);
  if (status === 403 || status === 401) {
    const advice =
      'It was started before the registration was made anew, or with another file: restart the bridge.';
    return fail('the running bridge does not take the hs_token of the registration', advice);
  }
  if (status !== 200) {
    const advice = 'Restart it with matrix.homeserver.url set.';
    return fail('the running bridge is no application service of a homeserver', advice);
  }
  if (!pings) return skipped('the homeserver cannot be asked to call the bridge (before Matrix 1.7)');
  try {
    const ms = await homeserver.ping(id, `doctor-${id}`);
    return ok(`the homeserver reaches the bridge at ${url}, in ${Math.round(ms)} ms`);
  } catch (error) {
    return pingFailed(faultOf(error), url);
  }
}

function pingFailed({ errcode, reason }: HomeserverFault, url: string): Finding {
  switch (errcode ?? '') {
    case 'M_URL_NOT_SET':
      return fail('the homeserver has a registration of the bridge without a url', `${RECHECK} ${RESTART}.`);
    case 'M_BAD_STATUS':
      return fail(
        `what the homeserver reaches at ${url} refuses its hs_token, or is not this bridge`,
        `The homeserver read another hs_token than is in the file. ${RECHECK} ${RESTART}.`,
      );
    case 'M_CONNECTION_FAILED':
    case 'M_CONNECTION_TIMEOUT':
      return fail(
        `the homeserver cannot reach the bridge at ${url}`,
        'Set url in the registration to where the homeserver, on its own machine, reaches the bridge; let listen.host and the firewall allow it; restart the homeserver.',
      );
    default:
      return warn(`the homeserver did not try to call the bridge: ${errcode ?? reason}`, 'Look at its log.');
  }
}

async function checkDelivery(bridge: RunningBridge | null): Promise<Finding> {
  const told = bridge && (await bridge.server('homeserver'));
  if (!told) {
    const advice =
      'Give the operator token (operator.token or --token-file) to a doctor beside a running bridge.';
    return skipped('only the running bridge knows whether presence is delivered to it', advice);
  }
  const missing = told.warnings.find((warning) => warning.includes('does not deliver presence'));
  if (missing === undefined)
    return ok('the bridge misses no presence that it wrote; it notices within minutes');
  return fail(
    missing,
    `Synapse and its like send it once the registration asks for it. ${RECHECK} ${RESTART}.`,
  );
}

async function checkStandIn(homeserver: Homeserver, userId: string, push: boolean): Promise<Finding> {
  if (!push) return skipped('the bridge writes no presence there (matrix.homeserver.push)');
  try {
    await homeserver.register(userId.slice(1, userId.indexOf(':')));
  } catch (error) {
    const { errcode, reason } = faultOf(error);
    const found = `the stand-in ${userId} cannot be made: ${errcode ?? reason}`;
    if (errcode === 'M_EXCLUSIVE') {
      return fail(found, `The homeserver read other namespaces than are in the file. ${RECHECK} ${RESTART}.`);
    }
    return fail(found, 'Let the homeserver register users of application services; look at its log.');
  }
  try {
    await homeserver.putPresence(userId, { presence: 'offline' }, { as: userId });
    return ok(`the stand-in ${userId} can be made, and its presence written`);
  } catch (error) {
    const { kind, errcode, reason } = faultOf(error);
    // Being limited is told by the check of limits.
    if (kind === 'rate_limited') return ok(`the stand-in ${userId} can be made`);
    const advice =
      'Switch presence on at the homeserver (in Synapse `presence: {enabled: true}`), and let nothing in between refuse it.';
    return fail(`the presence of the stand-in ${userId} cannot be written: ${errcode ?? reason}`, advice);
  }
}

/** Writes once more at once after the check of stand-ins, as people do who change their mind. */
async function checkLimits(
  homeserver: Homeserver,
  userId: string,
  { replies }: Witness,
  { timeoutMs }: HomeserverDoctorOptions,
): Promise<Finding> {
  await homeserver.putPresence(userId, { presence: 'offline' }, { as: userId }).catch(faultOf);
  if (replies.some(({ status }) => status === 429)) {
    return warn(
      'the homeserver limits the rate of presence writes',
      'Keep rate_limited: false in the registration, and raise its limit for presence (in Synapse rc_presence); until then changes come late.',
    );
  }
  const slowest = Math.max(0, ...replies.map(({ tookMs }) => tookMs));
  if (slowest > timeoutMs / 2) {
    return warn(
      `the homeserver took ${Math.round(slowest)} ms for one answer, of ${timeoutMs} ms that it may take`,
      'Find out what keeps it busy, or raise matrix.homeserver.timeout.',
    );
  }
  return ok(`no limit was met; the slowest answer took ${Math.round(slowest)} ms`);
}

import { beforeEach, expect, it } from 'vitest';
import type { RunningBridge } from '../../../src/connectors/check.ts';
import type { HomeserverDoctorOptions } from '../../../src/connectors/matrix/doctor.ts';
import { homeserverChecks } from '../../../src/connectors/matrix/doctor.ts';
import type { Registration } from '../../../src/connectors/matrix/registration.ts';
import { RegistrationError } from '../../../src/connectors/matrix/registration-file.ts';
import { FakeHomeserver } from '../../helpers/homeserver.ts';
import { failure } from '../../helpers/homeserver-model.ts';
import { faultsOf, findingsOf } from '../findings.ts';

const TERMS = { serverName: 'hs.test', standInTemplate: '@_plexichat_{id}:{server_name}' };
const URL = 'http://hs.test';

let homeserver: FakeHomeserver;
let registration: Registration;
let bridge: RunningBridge;
let warnings: string[];

beforeEach(() => {
  homeserver = new FakeHomeserver();
  registration = {
    id: 'plexibridge',
    url: 'http://bridge.test',
    asToken: homeserver.asToken,
    hsToken: homeserver.hsToken,
    senderLocalpart: 'plexibridge',
  };
  warnings = [];
  bridge = {
    post: (_path, token) => Promise.resolve(token === homeserver.hsToken ? 200 : 403),
    server: () => Promise.resolve({ state: 'up', warnings }),
  };
});

function checks(options: Partial<HomeserverDoctorOptions> = {}) {
  return homeserverChecks({
    outbound: homeserver.outbound(),
    clock: homeserver.clock,
    url: URL,
    terms: TERMS,
    push: true,
    timeoutMs: 10_000,
    readRegistration: () => registration,
    bridge,
    ...options,
  }).checks;
}

it('finds nothing wrong with what is right, and looks at everything', async () => {
  homeserver.model.busy = true;
  const findings = await findingsOf(checks());
  expect(findings.map(({ check, verdict }) => `${check} ${verdict}`)).toEqual([
    'homeserver ok',
    'registration ok',
    'as-token ok',
    'ping ok',
    'delivery ok',
    'stand-in ok',
    'homeserver-limits ok',
  ]);
  expect(findings[0]?.found).toContain('has a word for do not disturb');
  expect(homeserver.puts('@_plexichat_1:hs.test').at(-1)).toEqual({ presence: 'offline' });
  expect(JSON.stringify(findings)).not.toMatch(/as-token"?:? ?as-token|hs-token/);
});

const RESTART = 'restart the homeserver after every change of the registration file';

it.each<[string, () => Partial<HomeserverDoctorOptions> | undefined, RegExp[]]>([
  [
    'a homeserver that is down',
    () => void homeserver.fail('refused'),
    [
      /^fail homeserver: http:\/\/hs\.test does not answer as a homeserver: refused → Start the homeserver, or set matrix\.homeserver\.url/,
    ],
  ],
  [
    'something else in its place',
    () => void homeserver.fail('garbage'),
    [/^fail homeserver: .* what is not Matrix → Set matrix\.homeserver\.url to the base URL/],
  ],
  [
    'a registration file that is wrong',
    () => ({
      readRegistration: () => {
        throw new RegistrationError('registration.yaml', ['url is missing']);
      },
    }),
    [/^fail registration: registration\.yaml: url is missing → Mend it, or make a new one/],
  ],
  [
    'an as_token that the homeserver does not know',
    () => void (registration = { ...registration, asToken: 'another' }),
    [new RegExp(`^fail as-token: the homeserver does not know the as_token .* ${RESTART}\\.$`)],
  ],
  [
    'a sender of another name',
    () => void (homeserver.model.sender = '@somebody:hs.test'),
    [
      /^fail as-token: the homeserver takes the bridge for @somebody:hs\.test, not for @plexibridge:hs\.test → .*matrix\.server_name/,
    ],
  ],
  [
    'a whoami that fails',
    () => void homeserver.fail('error', { path: /whoami/ }),
    [/^fail as-token: the homeserver did not say whom/],
  ],
  [
    'a running bridge with another hs_token',
    () => void (registration = { ...registration, hsToken: 'another' }),
    [/^fail ping: the running bridge does not take the hs_token .* restart the bridge\.$/],
  ],
  [
    'a running bridge without a homeserver',
    () => ({ bridge: { ...bridge, post: () => Promise.resolve(404) } }),
    [/^fail ping: the running bridge is no application service .* matrix\.homeserver\.url set/],
  ],
  [
    'a homeserver with another hs_token',
    () => void (homeserver.model.pingAnswer = failure(502, 'M_BAD_STATUS')),
    [new RegExp(`^fail ping: .* refuses its hs_token.* → The homeserver read another hs_token.*${RESTART}`)],
  ],
  [
    'a homeserver that cannot reach the bridge',
    () => void (homeserver.model.pingAnswer = failure(502, 'M_CONNECTION_FAILED')),
    [
      /^fail ping: the homeserver cannot reach the bridge at http:\/\/bridge\.test → Set url in the registration/,
    ],
  ],
  [
    'a homeserver whose registration has no url',
    () => void (homeserver.model.pingAnswer = failure(400, 'M_URL_NOT_SET')),
    [/^fail ping: the homeserver has a registration of the bridge without a url/],
  ],
  [
    'a ping that ends oddly',
    () => void (homeserver.model.pingAnswer = failure(403, 'M_FORBIDDEN')),
    [/^warn ping: the homeserver did not try to call the bridge: M_FORBIDDEN/],
  ],
  [
    'presence that is not delivered',
    () => void warnings.push('the homeserver does not deliver presence to application services: check'),
    [new RegExp(`^fail delivery: the homeserver does not deliver presence.*${RESTART}`)],
  ],
  [
    'other namespaces',
    () => ({ terms: { ...TERMS, standInTemplate: '@other_{id}:{server_name}' } }),
    [
      /^fail stand-in: the stand-in @other_1:hs\.test cannot be made: M_EXCLUSIVE → The homeserver read other namespaces/,
    ],
  ],
  [
    'no registration of users',
    () => void homeserver.fail('error', { path: /register/ }),
    [/^fail stand-in: .* cannot be made: M_UNKNOWN → Let the homeserver register/],
  ],
  [
    'presence switched off',
    () => void homeserver.fail('forbidden', { path: /presence/ }),
    [/^fail stand-in: the presence of the stand-in .* cannot be written: M_FORBIDDEN → Switch presence on/],
  ],
  [
    'a limit of presence writes',
    () => void (homeserver.model.everyMs = 10_000),
    [/^warn homeserver-limits: the homeserver limits the rate .* rc_presence/],
  ],
])('names the one fault and what to do: %s', async (_name, spoil, words) => {
  const faults = await faultsOf(checks(spoil() ?? {}));
  expect(faults).toHaveLength(words.length);
  words.forEach((each, index) => expect(faults[index]).toMatch(each));
});

it('warns of a homeserver that is slow', async () => {
  const outbound = homeserver.outbound();
  const slow: typeof outbound = {
    request: async (request) => {
      const reply = await outbound.request(request);
      if (request.path.includes('/presence/')) homeserver.clock.advance(6_000);
      return reply;
    },
  };
  expect(await faultsOf(checks({ outbound: slow }))).toEqual([
    expect.stringMatching(/^warn homeserver-limits: the homeserver took 6000 ms .* of 10000 ms/),
  ]);
});

it('says what it could not look at', async () => {
  homeserver.model.versions = ['v1.1'];
  const without = await findingsOf(checks({ bridge: null, push: false }));
  expect(
    without.filter(({ verdict }) => verdict === 'skipped').map(({ check, found }) => [check, found]),
  ).toEqual([
    ['ping', 'no bridge runs that the homeserver could call'],
    ['delivery', 'not looked at, for want of ping'],
    ['stand-in', 'the bridge writes no presence there (matrix.homeserver.push)'],
    ['homeserver-limits', 'not looked at, for want of stand-in'],
  ]);
  const old = await findingsOf(checks({ bridge: { ...bridge, server: () => Promise.resolve(null) } }));
  expect(old.find(({ check }) => check === 'ping')?.found).toContain('before Matrix 1.7');
});

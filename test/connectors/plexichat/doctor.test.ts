import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServerDoctorOptions } from '../../../src/connectors/plexichat/doctor.ts';
import { serverChecks } from '../../../src/connectors/plexichat/doctor.ts';
import { Outbound } from '../../../src/connectors/outbound.ts';
import { PlexichatBudgets } from '../../../src/connectors/plexichat/budgets.ts';
import { ManualClock } from '../../helpers/clock.ts';
import type { PlexichatServerOptions } from '../../helpers/plexichat-server/options.ts';
import type { Credentials, PlexichatServer } from '../../helpers/plexichat-server/server.ts';
import { startPlexichatServer } from '../../helpers/plexichat-server/server.ts';
import { faultsOf, findingsOf } from '../findings.ts';

let clock: ManualClock;
let server: PlexichatServer;
let account: Credentials;
let owned: AsyncDisposable[];

beforeEach(async () => {
  owned = [];
  await start();
});

afterEach(async () => {
  for (const each of owned.reverse()) await each[Symbol.asyncDispose]();
});

async function start(options: Partial<PlexichatServerOptions> = {}): Promise<void> {
  clock = new ManualClock();
  server = await startPlexichatServer({ clock, ...options });
  account = server.addUser({ username: 'bridge' });
  server.userWrites(account.id, { status: 'online' });
  owned.push(server);
}

function outboundTo(baseUrl: string): Outbound {
  const limits = { timeoutMs: 5000, maxBodyBytes: 1_000_000, connections: 1 };
  const outbound = new Outbound({ ...limits, baseUrl, userAgent: 'test' });
  owned.push(outbound);
  return outbound;
}

function checks(options: Partial<ServerDoctorOptions> = {}) {
  const url = options.url ?? server.url;
  const budgets = new PlexichatBudgets({ requestsPerMinute: 60, requestsPerDay: 9000, bypass: false, clock });
  return serverChecks({
    outbound: outboundTo(url),
    budgets,
    clock,
    random: () => 0.5,
    url,
    token: account.token,
    accessToken: undefined,
    rateLimitBypass: undefined,
    requestsPerMinute: 60,
    deep: false,
    ...options,
  }).checks;
}

it('finds nothing wrong with what is right, and touches nothing', async () => {
  const findings = await findingsOf(checks());
  expect(findings.map(({ check, verdict }) => `${check} ${verdict}`)).toEqual([
    'plexichat ok',
    'plexichat-token ok',
    'plexichat-intent skipped',
    'plexichat-timestamps ok',
    'plexichat-limits ok',
  ]);
  expect(findings[2]?.advice).toContain('--deep');
  expect(findings[3]?.found).toContain('in milliseconds');
  expect(findings[4]?.found).toMatch(/least limit that the server tells is \d+/);
  expect(server.identifies).toHaveLength(0);
  expect(JSON.stringify(findings)).not.toContain(account.token);
});

it('tells the other unit of time, and that there is none', async () => {
  await start({ timestamps: 's' });
  const told = async () => (await findingsOf(checks())).find(({ check }) => check === 'plexichat-timestamps');
  expect((await told())?.found).toContain('in seconds');
  account = server.addUser({ username: 'silent' });
  expect(await told()).toMatchObject({
    verdict: 'skipped',
    found: expect.stringContaining('never wrote a status'),
  });
});

describe('names the one fault and what to do', () => {
  it.each<[string, () => unknown, RegExp]>([
    [
      'a server that is down',
      () => ({ url: 'http://127.0.0.1:1' }),
      /^fail plexichat: .* nothing usable came → Start it, or set plexichat\.server\.url/,
    ],
    [
      'something else in its place',
      () => void server.faultNext(1, 'garbage'),
      /^fail plexichat: .* it answers 200 with garbage → .*without \/api\/v1/,
    ],
    [
      'no token',
      () => ({ token: undefined }),
      /^warn plexichat-token: the bridge has no token there.* → .*plexichat\.server\.token/,
    ],
    [
      'a token that has ended',
      () => {
        server.revoke(account.token);
      },
      /^fail plexichat-token: the server does not take the token → Sign in/,
    ],
    [
      'too many verifications, which the server calls unauthorized',
      () => void server.faultNext(1, 'verification-limit', { path: /messaging-settings/ }),
      /^warn plexichat-token: the server says unauthorized because too many tokens were verified.*may be good → Wait a minute/,
    ],
    [
      'a suspended account',
      () => {
        server.setAccountState(account.id, 'suspended');
      },
      /^fail plexichat-token: the account of the bridge is suspended/,
    ],
    [
      'no access token where one is demanded',
      () => start({ accessToken: 'right' }),
      /^fail plexichat-token: the server demands an X-API-Access-Token → Set plexichat\.server\.access_token/,
    ],
    [
      'a wrong access token',
      async () => {
        await start({ accessToken: 'right' });
        return { accessToken: 'wrong' };
      },
      /^fail plexichat-token: the server demands an X-API-Access-Token, another than this one/,
    ],
    [
      'a presence that cannot be read',
      () => void server.faultNext(1, 'server-error', { path: /presence/ }),
      /^fail plexichat-timestamps: the presence of the account cannot be read: unavailable/,
    ],
    [
      'times in a unit that nobody knows',
      () => start({ timestamps: 's' }).then(() => clock.advance(-1e12)),
      /^warn plexichat-timestamps: the server tells times in the far future/,
    ],
    [
      'a bridge that asks more than the server allows',
      () => ({ requestsPerMinute: 1000 }),
      /^warn plexichat-limits: the server allows \d+ requests .* 1000 in a minute → Lower plexichat\.server\.requests_per_minute/,
    ],
  ])('%s', async (_name, spoil, words) => {
    const options = ((await spoil()) ?? {}) as Partial<ServerDoctorOptions>;
    const faults = await faultsOf(checks(options));
    expect(faults).toEqual([expect.stringMatching(words)]);
  });

  it('a limit of requests', async () => {
    server.faultNext(1, 'rate-limited', { path: /presence/ });
    const faults = await faultsOf(checks());
    expect(faults).toEqual([
      expect.stringMatching(/^warn plexichat-timestamps: the server refuses to answer for a while → Wait/),
      expect.stringMatching(/^warn plexichat-limits: the server limits the rate/),
    ]);
  });

  it.each([
    ['an intent that is not given', 4013, /^fail plexichat-intent: the gateway does not give presence/],
    [
      'a gateway that cannot be used',
      4000,
      /^fail plexichat-intent: the gateway could not be used: closed → .*WebSockets/,
    ],
  ])('%s, where it is looked for', async (_name, code, words) => {
    const gateway = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(gateway, 'listening');
    gateway.on('connection', (socket) => {
      socket.send('{"op":10,"d":{"heartbeat_interval":45000}}');
      socket.on('message', () => socket.close(code));
    });
    const { port } = gateway.address() as AddressInfo;
    const faults = await faultsOf(
      checks({ deep: true, outbound: outboundTo(server.url), url: `http://127.0.0.1:${port}` }),
    );
    gateway.close();
    expect(faults).toEqual([expect.stringMatching(words)]);
  });
});

it('identifies where it was asked to, and leaves', async () => {
  const findings = await findingsOf(checks({ deep: true }));
  expect(findings[2]).toMatchObject({ check: 'plexichat-intent', verdict: 'ok' });
  expect(server.identifies).toHaveLength(1);
});

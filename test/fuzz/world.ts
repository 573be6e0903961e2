import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Registration } from '../../src/connectors/matrix/registration.ts';
import { formatRegistration, makeRegistration } from '../../src/connectors/matrix/registration.ts';
import { rawServer, reply } from '../connectors/raw-server.ts';
import type { TestApp, TestPerson } from '../helpers/app.ts';
import { makeApp, OPERATOR } from '../helpers/app.ts';
import { countingSecrets } from '../helpers/bridge.ts';

/** The longest that an answer may take, ms of real time; the machine may be busy. */
export const DEADLINE = 10_000;

const TERMS = { serverName: 'localhost', standInTemplate: '@_plexichat_{id}:{server_name}', room: undefined };
const IDS = {
  pat: { plexichat_id: '175928847299117064', matrix_id: '@pat:localhost' },
  nina: { plexichat_id: '175928847299117071', matrix_id: '@nina:localhost', visibility: 'nobody' },
  ina: { plexichat_id: '175928847299117072', matrix_id: '@ina:localhost' },
  max: { plexichat_id: '175928847299117073', matrix_id: '@max:localhost' },
};

export type Caller = 'pat' | 'operator' | 'homeserver' | 'stranger' | 'nobody';
export const CALLERS: readonly Caller[] = ['pat', 'operator', 'homeserver', 'stranger', 'nobody'];

/**
 * A bridge with every surface, among them that of the application service. Pat and strangers may call as they like; nobody
 * may see Nina, and nobody may know that Ina is there.
 */
export interface FuzzWorld extends AsyncDisposable {
  readonly app: TestApp;
  readonly pat: TestPerson;
  /** Ids that anybody may try, and do with as she likes. */
  readonly ids: readonly string[];
  /** Pat’s own, which only she tries, or she would soon be nobody. */
  readonly own: readonly string[];
  /** Ids that only those may try to whom they must not lead. */
  readonly hidden: readonly string[];
  /** What nobody but their owners may ever be sent. */
  readonly secrets: readonly string[];
  /** What whoever is no operator must not be sent, unless she said it herself. */
  readonly unseen: readonly string[];
  tokenOf(caller: Caller, path: string): string | null;
  /** Gives Pat new tokens in place of those that she has thrown away. */
  revive(): Promise<void>;
}

export async function makeFuzzWorld(sabotage?: Parameters<typeof makeApp>[1]): Promise<FuzzWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'plexibridge-fuzz-'));
  const path = join(folder, 'registration.yaml');
  const registration = await makeRegistrationFile(path);
  const homeserver = await rawServer((socket) => socket.write(reply(200, '{}')));
  const app = await makeApp(
    {
      matrix: { homeserver: { url: homeserver.url, registration: path, verify_tokens: false } },
      limits: {
        writes: { burst: 1_000_000, per_second: 1 },
        failed_auth: { burst: 1_000_000, per_second: 1 },
        body_bytes: 65_536,
      },
    },
    sabotage,
  );
  const [pat, nina, ina, max] = [
    await app.person(IDS.pat),
    await app.person(IDS.nina),
    await app.person(IDS.ina),
    await app.person(IDS.max),
  ];
  const own = '/api/v1/users/@me/presence';
  const said = { nina: 'only-nina-knows', ina: 'only-ina-knows' };
  await app.call('PUT', own, nina.plexichat.token, { status: 'dnd', custom_status: said.nina });
  await app.call('PUT', own, ina.plexichat.token, { status: 'invisible', custom_status: said.ina });
  await app.call('PUT', own, max.plexichat.token, { status: 'idle', custom_status: 'anybody knows' });
  const list = `/_matrix/client/api/v1/presence/list/${pat.matrix.id}`;
  const invite = [nina, ina, max].map(({ matrix }) => matrix.id);
  await app.call('POST', list, pat.matrix.token, { invite });
  const tokens = [nina, ina].flatMap(({ plexichat, matrix }) => [plexichat.token, matrix.token]);
  const pats = { plexichat: pat.plexichat.token, matrix: pat.matrix.token };
  return {
    app,
    pat,
    ids: ['1', '@nobody:localhost', '@_plexichat_5:localhost', max.id, max.plexichat.id, max.matrix.id],
    own: ['@me', pat.plexichat.id, pat.matrix.id],
    hidden: [nina, ina].flatMap(({ id, plexichat, matrix }) => [id, plexichat.id, matrix.id]),
    secrets: [...tokens, OPERATOR, registration.asToken, registration.hsToken],
    unseen: [said.nina, said.ina, nina.id, nina.plexichat.id, nina.matrix.id, ina.id],
    tokenOf: (caller, path) => {
      if (caller === 'operator') return OPERATOR;
      if (caller === 'homeserver') return registration.hsToken;
      if (caller === 'stranger') return '175928847299117063.nothing';
      if (caller === 'nobody') return null;
      return path.startsWith('/api') ? pats.plexichat : pats.matrix;
    },
    revive: async () => {
      for (const network of ['plexichat', 'matrix'] as const) {
        const url = `/bridge/v1/people/${pat.id}/tokens`;
        pats[network] = (await app.call('POST', url, OPERATOR, { network })).body.token;
      }
    },
    async [Symbol.asyncDispose]() {
      await app.http.close();
      await homeserver[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function makeRegistrationFile(path: string): Promise<Registration> {
  const registration = makeRegistration(TERMS, 'http://127.0.0.1:8790', countingSecrets('fuzz'));
  await writeFile(path, formatRegistration(registration, TERMS), { mode: 0o600 });
  return registration;
}

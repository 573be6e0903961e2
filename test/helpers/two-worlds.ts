import type { Directory } from '../../src/presence/directory.ts';
import type { PresenceRecord } from '../../src/presence/record.ts';
import type { PresenceStore } from '../../src/presence/store.ts';
import { pino } from 'pino';
import type { Reply, TestApp, TestPerson } from './app.ts';
import { makeApp, OPERATOR } from './app.ts';
import { bendStore } from './bent-store.ts';

/** Something somebody does: the person by name, and a call as her. `{who}` in a path is her own id there. */
export interface Act {
  readonly who: Name;
  readonly network: 'plexichat' | 'matrix';
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly body?: unknown;
}

export type Step =
  { readonly kind: 'act'; readonly act: Act } | { readonly kind: 'wait'; readonly ms: number };

export interface Histories {
  /** What happens in both worlds, with Una visible. */
  readonly before: readonly Step[];
  /** How Una leaves: through which API, and what else she says when she goes invisible. */
  readonly leave: { readonly by: 'plexichat' | 'bridge'; readonly saying: object };
  /** Rounds of: Una acts (in world A only), others act and time passes (in both). */
  readonly after: readonly { readonly unseen: readonly Act[]; readonly seen: readonly Step[] }[];
}

const UNA = { plexichat_id: '175928847299117063', matrix_id: '@una:localhost' };
const CAST = {
  una: UNA,
  pat: { plexichat_id: '175928847299117064' },
  max: { matrix_id: '@max:localhost' },
  liz: { plexichat_id: '175928847299117065', matrix_id: '@liz:localhost' },
};
export type Name = keyof typeof CAST;
const NAMES = ['una', 'pat', 'max', 'liz'] as const;
export const OBSERVERS = ['pat', 'max', 'liz'] as const;

/** Turns a store into one that betrays; the identity for an honest run. */
export type Sabotage = (store: PresenceStore & Directory) => PresenceStore & Directory;

export const honest: Sabotage = (store) => store;

/** A store whose records are bent on the way out. */
export function bending(bend: (record: PresenceRecord) => PresenceRecord): Sabotage {
  return (store) =>
    bendStore(store, {
      get: async (person) => {
        const record = await store.get(person);
        return record && bend(record);
      },
    });
}

/** Plays one world; the result is every byte that anybody but Una obtained after she left, and every log line. */
export async function playWorld(
  world: 'invisible' | 'offline',
  histories: Histories,
  settings: object,
  sabotage: Sabotage,
): Promise<string[]> {
  const logged: string[] = [];
  const logger = pino(
    { level: 'info', base: null, timestamp: false },
    { write: (line) => logged.push(line) },
  );
  const app = await makeApp(settings, { sabotage, logger });
  const cast = await makeCast(app);
  for (const step of histories.before) await take(app, cast, step);

  const { by, saying } = histories.leave;
  const body = world === 'invisible' ? saying : {};
  await play(app, cast, {
    who: 'una',
    network: 'plexichat',
    method: 'PUT',
    path: by === 'bridge' ? '/mode' : '/presence',
    body: by === 'bridge' ? { mode: world, ...body } : { status: world, ...body },
  });

  const cursors = new Map<string, string>();
  const obtained = await observe(app, cast, cursors);
  for (const { unseen, seen } of histories.after) {
    if (world === 'invisible') for (const act of unseen) await play(app, cast, act);
    for (const step of seen) {
      const reply = await take(app, cast, step);
      if (reply) obtained.push(transcript('act', reply));
    }
    obtained.push(...(await observe(app, cast, cursors)));
  }
  await app.http.close();
  return [...obtained, ...logged];
}

/** Everybody, made anew; the observers have Una on their lists. */
export async function makeCast(app: TestApp): Promise<ReadonlyMap<Name, TestPerson>> {
  const cast = new Map<Name, TestPerson>();
  for (const name of NAMES) cast.set(name, await app.person(CAST[name]));
  const body = { invite: [UNA.matrix_id] };
  for (const who of OBSERVERS) {
    await play(app, cast, { who, network: 'matrix', method: 'POST', path: '/list', body });
  }
  return cast;
}

async function take(app: TestApp, cast: ReadonlyMap<Name, TestPerson>, step: Step): Promise<Reply | null> {
  if (step.kind === 'act') return play(app, cast, step.act);
  await app.clock.pass(step.ms);
  return null;
}

export async function play(app: TestApp, cast: ReadonlyMap<Name, TestPerson>, act: Act): Promise<Reply> {
  const account = cast.get(act.who)![act.network];
  return app.call(act.method, urlOf(act, account.id), account.token, act.body);
}

function urlOf({ network, path }: Act, id: string): string {
  if (path === '/mode') return '/bridge/v1/me/mode';
  if (path === '/list') return `/_matrix/client/api/v1/presence/list/${id}`;
  if (path.startsWith('/sync')) return `/_matrix/client/v3${path}`;
  if (network === 'plexichat') return '/api/v1/users/@me/presence';
  return `/_matrix/client/${path.slice(1)}/presence/${id}/status`;
}

/** Every read of Una, of lists she is on, and of streams that tell of her, that anybody else can make. */
async function observe(
  app: TestApp,
  cast: ReadonlyMap<Name, TestPerson>,
  cursors: Map<string, string>,
): Promise<string[]> {
  const una = cast.get('una')!;
  const obtained: string[] = [];
  const look = async (url: string, token: string) => {
    obtained.push(transcript(url, await app.call('GET', url, token)));
  };
  for (const name of OBSERVERS) {
    const { plexichat, matrix } = cast.get(name)!;
    await look(`/api/v1/users/${una.plexichat.id}/presence`, plexichat.token);
    for (const version of ['api/v1', 'r0', 'v3', 'unstable']) {
      await look(`/_matrix/client/${version}/presence/${una.matrix.id}/status`, matrix.token);
    }
    await look(`/_matrix/client/api/v1/presence/list/${matrix.id}`, matrix.token);
    await look('/bridge/v1/me/contacts', matrix.token);
    const since = cursors.get(name);
    const query = `set_presence=offline${since === undefined ? '' : `&since=${since}`}`;
    const sync = await app.call('GET', `/_matrix/client/v3/sync?${query}`, matrix.token);
    cursors.set(name, sync.body.next_batch);
    obtained.push(transcript(`sync since ${since}`, sync));
  }
  await look(`/bridge/v1/people/${una.id}`, OPERATOR);
  await look('/bridge/v1/people', OPERATOR);
  await look('/bridge/v1/people?search=una', OPERATOR);
  await look('/bridge/v1/overview', OPERATOR);
  await look('/bridge/v1/overview/history', OPERATOR);
  await look('/metrics', OPERATOR);
  await look('/bridge/v1/audit', OPERATOR);
  await look(`/bridge/v1/people/${una.id}/why`, OPERATOR);
  await look(`/bridge/v1/people/${una.id}/tokens`, OPERATOR);
  return obtained;
}

/** Every byte of an answer that does not tell the time of day. */
export function transcript(what: string, { status, headers, text }: Reply): string {
  return `${what}: ${status} ${JSON.stringify({ ...headers, date: 'now' })} ${text}`;
}

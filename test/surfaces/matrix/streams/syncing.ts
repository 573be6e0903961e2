import type { LightMyRequestResponse } from 'fastify';
import type { MatrixApp, TestUser } from '../matrix-app.ts';
import { NETWORK } from '../matrix-app.ts';
import { settled } from '../../../helpers/settled.ts';

export type Reader = Pick<TestUser, 'token'>;

export type Params = Record<string, string | number | boolean>;

/** A GET that is being held, or has been answered. */
export interface Held {
  readonly reply: Promise<LightMyRequestResponse>;
  answered: boolean;
}

/** The body of a sync that must succeed. */
export async function sync(app: MatrixApp, who: Reader, params: Params = {}, version = 'v3'): Promise<any> {
  const reply = await app.call('GET', pathOf(`${version}/sync`, params), who);
  if (reply.statusCode !== 200) throw new Error(`${reply.statusCode} ${reply.body}`);
  return reply.json();
}

/** Starts a request and lets it come as far as it can. */
export async function hold(app: MatrixApp, who: Reader, params: Params, path = 'v3/sync'): Promise<Held> {
  const reply = app.call('GET', pathOf(path, params), who);
  const held: Held = { reply, answered: false };
  void reply.then(() => (held.answered = true));
  await settled();
  return held;
}

/** Turns the clock and lets what came of it happen. */
export async function pass(app: MatrixApp, ms: number): Promise<void> {
  app.clock.advance(ms);
  await settled();
}

/** What a sync tells, as `<name> <presence> <text>`. */
export function told(body: any): string[] {
  return (body.presence?.events ?? []).map(({ sender, content }: any) =>
    [/^@(?:_bridge_)?([^:]+)/.exec(sender)?.[1], content.presence, content.status_msg]
      .filter(Boolean)
      .join(' '),
  );
}

/** A position that tells where, but not what was seen there. */
export function bare(position: string): string {
  return position.split('.').slice(0, 2).join('.');
}

/** `who` lists each of `whom`. */
export async function invite(
  app: MatrixApp,
  who: Pick<TestUser, 'person'>,
  ...whom: { id: string }[]
): Promise<void> {
  await app.contacts.change(who.person.id, addresses(whom), []);
}

export async function drop(
  app: MatrixApp,
  who: Pick<TestUser, 'person'>,
  ...whom: { id: string }[]
): Promise<void> {
  await app.contacts.change(who.person.id, [], addresses(whom));
}

/** Another token of hers, for another device. */
export async function device(app: MatrixApp, who: Pick<TestUser, 'person'>): Promise<Reader> {
  return { token: await app.token(who.person, NETWORK) };
}

export function pathOf(path: string, params: Params): string {
  const query = Object.entries(params).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
  return `${path}?${query.join('&')}`;
}

function addresses(whom: { id: string }[]) {
  return whom.map(({ id }) => ({ network: NETWORK.name, id }));
}

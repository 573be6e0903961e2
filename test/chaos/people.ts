import { expect } from 'vitest';
import type { Answer, TwoAccounts } from '../helpers/process.ts';
import { makePerson, OPERATOR } from '../helpers/process.ts';
import type { FleetNode } from './fleet.ts';

export type Network = keyof TwoAccounts;

/** Somebody with both accounts. */
export interface Member {
  readonly name: string;
  /** As the store has it. */
  readonly id: string;
  readonly ids: TwoAccounts;
  readonly tokens: TwoAccounts;
}

let made = 0;

/** Makes a person who goes by that name on the Matrix side. */
export async function makeMember(node: FleetNode, name: string): Promise<Member> {
  const ids = { plexichat: String(175_928_847_299_118_000n + BigInt(++made)), matrix: `@${name}:localhost` };
  const tokens = await makePerson(node, ids);
  const { body } = await node.call('GET', '/bridge/v1/people', OPERATOR);
  const id = body.people.find((person: { matrix_id: string }) => person.matrix_id === ids.matrix).id;
  return { name, id, ids, tokens };
}

/** A member who lists all these people. */
export async function makeWatcher(node: FleetNode, name: string, people: readonly Member[]): Promise<Member> {
  const watcher = await makeMember(node, name);
  const list = `/_matrix/client/api/v1/presence/list/${watcher.ids.matrix}`;
  const body = { invite: people.map(({ ids }) => ids.matrix) };
  expect((await node.call('POST', list, watcher.tokens.matrix, body)).status).toBe(200);
  return watcher;
}

/** Rejects when the node dies. */
export function put(
  node: FleetNode,
  { ids, tokens }: Member,
  network: Network,
  text: string,
): Promise<Answer> {
  return network === 'plexichat'
    ? node.call('PUT', '/api/v1/users/@me/presence', tokens.plexichat, {
        status: 'online',
        custom_status: text,
      })
    : node.call('PUT', `/_matrix/client/v3/presence/${ids.matrix}/status`, tokens.matrix, {
        presence: 'online',
        status_msg: text,
      });
}

/** Rejects when the node dies. */
export function get(node: FleetNode, { ids, tokens }: Member, network: Network): Promise<Answer> {
  return network === 'plexichat'
    ? node.call('GET', `/api/v1/users/${ids.plexichat}/presence`, tokens.plexichat)
    : node.call('GET', `/_matrix/client/v3/presence/${ids.matrix}/status`, tokens.matrix);
}

export function textOf({ body }: Answer, network: Network): string | null {
  return (network === 'plexichat' ? body.custom_status : body.status_msg) ?? null;
}

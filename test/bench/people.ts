import type { RunningBridge } from '../helpers/process.ts';
import { OPERATOR } from '../helpers/process.ts';
import { each } from './each.ts';

const FIRST_ID = 175_928_847_299_200_000n;
const AT_ONCE = 32;

/** The person with index 0, whom all watch. */
export const TARGET = '@user0:localhost';

export interface Account {
  readonly id: string;
  readonly plexichatToken: string;
  readonly matrixToken: string;
}

/** Makes somebody with an account on either network; errors with what the bridge answered. */
export async function makePerson(bridge: RunningBridge, index: number): Promise<Account> {
  const id = String(FIRST_ID + BigInt(index));
  const ids = { plexichat_id: id, matrix_id: `@user${index}:localhost` };
  const person = await demand(bridge, 'POST', '/bridge/v1/people', OPERATOR, ids);
  const token = async (network: string): Promise<string> => {
    const path = `/bridge/v1/people/${person.id}/tokens`;
    return (await demand(bridge, 'POST', path, OPERATOR, { network })).token;
  };
  return { id, plexichatToken: await token('plexichat'), matrixToken: await token('matrix') };
}

/** Makes `count` people who have the target on their lists; their indexes begin with `from`. */
export async function makeObservers(bridge: RunningBridge, from: number, count: number): Promise<Account[]> {
  return each(count, AT_ONCE, async (i) => {
    const observer = await makePerson(bridge, from + i);
    const path = `/_matrix/client/api/v1/presence/list/@user${from + i}:localhost`;
    await demand(bridge, 'POST', path, observer.matrixToken, { invite: [TARGET] });
    return observer;
  });
}

/** A change whose number can be read off it on either network. */
export async function announce(bridge: RunningBridge, { plexichatToken }: Account, round: number) {
  const said = { status: 'online', custom_status: `round ${round}` };
  await demand(bridge, 'PUT', '/api/v1/users/@me/presence', plexichatToken, said);
}

/** The number in what `announce` made of a status text; NaN when it is none. */
export function roundOf(text: unknown): number {
  return Number(/^round (\d+)$/.exec(String(text))?.[1]);
}

async function demand(
  bridge: RunningBridge,
  method: 'PUT' | 'POST',
  path: string,
  token: string,
  body: unknown,
): Promise<any> {
  const answer = await bridge.call(method, path, token, body);
  if (answer.status >= 300) {
    throw new Error(`${method} ${path} was answered ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  return answer.body;
}

import type { Clock } from './presence/clock.ts';
import type { Directory } from './presence/directory.ts';
import { BridgeError } from './presence/errors.ts';
import type { Address, NetworkName, Person, Visibility } from './presence/identity.ts';
import type { Network } from './presence/network.ts';
import { idOn } from './presence/network.ts';
import type { People } from './presence/people.ts';
import type { Secrets, Tokens } from './presence/tokens.ts';

/** A sample person, with an account on every network. */
export interface Sample {
  readonly displayName: string;
  readonly accounts: readonly Address[];
}

export interface FirstStartOptions {
  readonly directory: Directory;
  readonly people: People;
  readonly tokens: Tokens;
  readonly networks: readonly Network[];
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly visibility: Visibility;
  /** From the configuration; when absent one is made and its hash kept. */
  readonly operatorToken: string | undefined;
  /** Made only in an empty store. */
  readonly samples: readonly Sample[];
}

export interface SampleAccess {
  readonly person: Person;
  readonly network: NetworkName;
  readonly id: string;
  readonly token: string;
}

export interface FirstStart {
  readonly operatorTokenHash: string;
  /** By which nodes know each other's gateway sessions. */
  readonly sessionKey: string;
  /** What was made just now and can be shown only now. */
  readonly made: { readonly operatorToken: string | null; readonly samples: readonly SampleAccess[] };
}

const OPERATOR_TOKEN = 'operator-token-hash';
const SESSION_KEY = 'session-key';
const FIRST_START = 'first-start';

/**
 * Gives an empty store its operator token and sample people; finds the operator token of any other. Nodes that start at once
 * make each of them once.
 */
export async function firstStart(options: FirstStartOptions): Promise<FirstStart> {
  const { directory, clock, secrets } = options;
  const operator = await operatorAccess(options);
  const { value: sessionKey } = await keep(directory, SESSION_KEY, secrets.random(32));
  const empty = (await directory.meta(FIRST_START)) === null;
  const samples = empty ? await makeSamples(options) : [];
  if (empty) await directory.commit([{ row: 'meta', key: FIRST_START, value: String(clock.now()) }]);
  return {
    operatorTokenHash: operator.hash,
    sessionKey,
    made: { operatorToken: operator.made, samples },
  };
}

async function operatorAccess({ directory, secrets, operatorToken }: FirstStartOptions) {
  if (operatorToken !== undefined) return { hash: secrets.hash(operatorToken), made: null };
  const token = `pxo_${secrets.random(32)}`;
  const { value: hash, isNew } = await keep(directory, OPERATOR_TOKEN, secrets.hash(token));
  return { hash, made: isNew ? token : null };
}

/** The value that was kept under the key; the given one from now on when there was none. */
async function keep(
  directory: Directory,
  key: string,
  value: string,
): Promise<{ readonly value: string; readonly isNew: boolean }> {
  const base = await directory.position();
  const kept = await directory.meta(key);
  if (kept !== null) return { value: kept, isNew: false };
  try {
    await directory.commit([{ row: 'meta', key, value }], base);
    return { value, isNew: true };
  } catch (error) {
    if (isConflict(error)) return keep(directory, key, value); // another node was quicker
    throw error;
  }
}

async function makeSamples({ people, tokens, networks, samples, visibility }: FirstStartOptions) {
  const made: SampleAccess[] = [];
  for (const { displayName, accounts } of samples) {
    // A start that died half-way left some behind; their tokens are lost, but an operator can make new ones.
    if ((await Promise.all(accounts.map((account) => people.find(account)))).some(Boolean)) continue;
    const person = await people
      .create(accounts, { displayName, avatarUrl: null, visibility })
      .catch((error: unknown) => {
        if (isConflict(error)) return null;
        throw error;
      });
    if (!person) continue;
    for (const network of networks) {
      const id = idOn(person, network);
      const { token } = await tokens.issue(person.id, network.name, (secret) =>
        network.tokenText(secret, id),
      );
      made.push({ person, network: network.name, id, token });
    }
  }
  return made;
}

function isConflict(error: unknown): boolean {
  return error instanceof BridgeError && error.code === 'conflict';
}

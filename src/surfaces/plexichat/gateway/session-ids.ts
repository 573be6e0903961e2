import { createHmac, timingSafeEqual } from 'node:crypto';
import type { PersonId } from '../../../presence/identity.ts';
import type { Secrets } from '../../../presence/tokens.ts';

/** Bytes of an id: something of its own, what the client asked for, the node, and a seal over all that and the person. */
const NONCE = 8;
const NODE = 4;
const SEAL = 11;
const BODY = NONCE + 1 + NODE;
const ID = new RegExp(`^[0-9a-f]{${2 * (BODY + SEAL)}}$`);

export interface SessionIdsOptions {
  readonly secrets: Pick<Secrets, 'random' | 'hash'>;
  /** This node in this life. */
  readonly node: string;
  /** The same on every node, and known to nobody else. */
  readonly key: string;
}

/** What an id tells of a session that is not known here. */
export interface Stranger {
  /** Whether the client wants the presence of others. */
  readonly presences: boolean;
}

/** Names gateway sessions so that another node, or this one after a restart, knows whose and what they are. */
export class SessionIds {
  readonly #options: SessionIdsOptions;
  readonly #node: Buffer;

  constructor(options: SessionIdsOptions) {
    this.#options = options;
    this.#node = Buffer.from(options.secrets.hash(options.node), 'base64url').subarray(0, NODE);
  }

  issue(person: PersonId, { presences }: Stranger): string {
    const nonce = Buffer.from(this.#options.secrets.random(NONCE), 'base64url').subarray(0, NONCE);
    const body = Buffer.concat([nonce, Buffer.from([presences ? 1 : 0]), this.#node]);
    return Buffer.concat([body, this.#seal(body, person)]).toString('hex');
  }

  /** Null for one that no other node has given to this person; one of this node that is not known any more has ended. */
  read(id: string, person: PersonId): Stranger | null {
    if (!ID.test(id)) return null;
    const bytes = Buffer.from(id, 'hex');
    const [body, seal] = [bytes.subarray(0, BODY), bytes.subarray(BODY)];
    if (body.subarray(NONCE + 1).equals(this.#node)) return null;
    return timingSafeEqual(seal, this.#seal(body, person)) ? { presences: body[NONCE] === 1 } : null;
  }

  #seal(body: Buffer, person: PersonId): Buffer {
    return createHmac('sha256', this.#options.key).update(body).update(person).digest().subarray(0, SEAL);
  }
}

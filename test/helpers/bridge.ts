import { createHash } from 'node:crypto';
import { composeCore } from '../../src/core.ts';
import type { Directory } from '../../src/presence/directory.ts';
import type { Address, NetworkName, Person, Profile } from '../../src/presence/identity.ts';
import type { Network } from '../../src/presence/network.ts';
import { idOn } from '../../src/presence/network.ts';
import type { Rules } from '../../src/presence/reduce.ts';
import type { PresenceStore } from '../../src/presence/store.ts';
import type { Secrets } from '../../src/presence/tokens.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import type { BucketLimits } from '../../src/admission/token-buckets.ts';
import { TokenBuckets } from '../../src/admission/token-buckets.ts';
import type { Cluster } from '../../src/presence/cluster.ts';
import { alone } from '../../src/presence/cluster.ts';
import { ManualClock } from './clock.ts';

export const RULES: Rules = {
  timing: { idleAfter: 300_000, claimTtl: 1_800_000, busyTtl: 1_800_000 },
  sticky: true,
  maxSessions: 50,
};
export const PROFILE: Profile = { displayName: null, avatarUrl: null, visibility: 'everyone' };

export interface TestBridgeOptions {
  networks: readonly Network[];
  store?: PresenceStore & Directory;
  cluster?: Cluster;
  clock?: ManualClock;
  /** Tells its randomness from that of other bridges over the same store. */
  secrets?: string;
  rules?: Rules;
  writes?: BucketLimits;
  failures?: BucketLimits;
  maxContacts?: number;
  /** Without it trouble that nobody waits for fails the test. */
  report?: (problem: string, error: unknown) => void;
}

function rethrow(problem: string, cause: unknown): never {
  throw new Error(problem, { cause });
}

/** Repeatable randomness: a counter, hashed. */
export function countingSecrets(seed = ''): Secrets {
  let count = 0;
  const hash = (text: string) => createHash('sha256').update(text).digest('base64url');
  return {
    hash,
    random: (bytes) => hash(`random ${seed}${count++}`).slice(0, Math.ceil((bytes * 4) / 3)),
  };
}

/** Everything below the surfaces, in memory, on a clock turned by hand. */
export function makeBridge(options: TestBridgeOptions) {
  const clock = options.clock ?? new ManualClock();
  const store = options.store ?? new MemoryStore();
  const core = composeCore({
    store,
    cluster: options.cluster ?? alone('node'),
    networks: options.networks,
    clock,
    secrets: countingSecrets(options.secrets),
    rules: options.rules ?? RULES,
    visibility: PROFILE.visibility,
    maxContacts: options.maxContacts ?? 1000,
    writes: new TokenBuckets(options.writes ?? { burst: 1000, perSecond: 1000 }, clock),
    failures: new TokenBuckets(options.failures ?? { burst: 1000, perSecond: 1 }, clock),
    report: options.report ?? rethrow,
  });
  const { people, tokens } = core;

  /** A person with the given accounts and a live token on each of her accounts' networks. */
  async function person(own: readonly Address[], profile: Partial<Profile> = {}) {
    const created = await people.create(own, { ...PROFILE, ...profile });
    return { person: created, token: (network: Network) => token(created, network) };
  }

  async function token(of: Person, network: Network): Promise<string> {
    const issued = await tokens.issue(of.id, network.name, (s) => network.tokenText(s, idOn(of, network)));
    return issued.token;
  }

  return { ...core, clock, store, person, token };
}

export type TestBridge = ReturnType<typeof makeBridge>;

/** A network with plain ids, allocated stand-ins `<name>-1`, `<name>-2`, … unless `derived`. */
export function fakeNetwork(name: string, kind: 'allocated' | 'derived' = 'allocated'): Network {
  return {
    name: name as NetworkName,
    parseId: (text) => (text === '' ? null : text),
    isStandIn: (id) => id.startsWith(`${name}-`),
    standIns:
      kind === 'allocated'
        ? { kind, next: (last) => `${name}-${last === null ? 1 : Number(last.slice(name.length + 1)) + 1}` }
        : {
            kind,
            forHome: (id) => `${name}-of-${id}`,
            homeOf: (id) => (id.startsWith(`${name}-of-`) ? id.slice(name.length + 4) : null),
          },
    tokenText: (secret) => `${name}.${secret}`,
  };
}

import { Audience } from './presence/audience.ts';
import type { Clock } from './presence/clock.ts';
import type { Cluster, Follower } from './presence/cluster.ts';
import { Contacts } from './presence/contacts.ts';
import { Deliveries } from './presence/deliveries.ts';
import type { Directory, DirectoryListener } from './presence/directory.ts';
import { DirectoryTurns } from './presence/directory-turns.ts';
import { Links } from './presence/links.ts';
import type { PersonId, Visibility } from './presence/identity.ts';
import type { Network } from './presence/network.ts';
import { Newcomers } from './presence/newcomers.ts';
import { People } from './presence/people.ts';
import type { Rules } from './presence/reduce.ts';
import type { Report } from './presence/service.ts';
import { PresenceService } from './presence/service.ts';
import type { PresenceStore } from './presence/store.ts';
import type { Secrets } from './presence/tokens.ts';
import { Tokens } from './presence/tokens.ts';
import { Gate } from './admission/gate.ts';
import type { Buckets } from './admission/token-buckets.ts';
import { TokenCache } from './admission/token-cache.ts';
import type { Upstream } from './admission/upstream-tokens.ts';
import { UpstreamTokens } from './admission/upstream-tokens.ts';

export interface CoreOptions {
  readonly store: PresenceStore & Directory;
  readonly cluster: Cluster;
  readonly networks: readonly Network[];
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly rules: Rules;
  readonly maxContacts: number;
  readonly writes: Buckets;
  readonly failures: Buckets;
  readonly report: Report;
  /** Real servers whose tokens are accepted, too. */
  readonly upstreams?: readonly Upstream[];
  /** Of people who come by such a token, or are told of by a real server. */
  readonly visibility: Visibility;
}

/** Everything below the surfaces, for whatever networks it is given. */
export function composeCore({ store, cluster, maxContacts, writes, failures, ...rest }: CoreOptions) {
  const { rules, report } = rest;
  const common = { ...rest, directory: store, store, turns: new DirectoryTurns(store) };
  const presence = new PresenceService(common);
  const deliveries = new Deliveries(rest.clock);
  const audience = new Audience(store, presence, cluster, deliveries);
  // What they follow is durable already: trouble here must not make it look refused.
  const follow = (work: Promise<void>) =>
    work.catch((error: unknown) => report('live views are behind', error));
  const followers = new Set<(people: readonly PersonId[]) => void>();
  const announce = (changed: readonly PersonId[]) => {
    for (const follower of followers) follower(changed);
  };
  const listener: DirectoryListener = {
    tokensChanged: () => cache.clear(),
    pairChanged: async (a, b) => {
      await follow(audience.refresh([a, b]));
      announce([a, b]);
    },
    peopleChanged: async (changed) => {
      await follow(presence.reread(changed));
      await follow(audience.refreshAround(changed));
      announce(changed);
    },
  };
  const missers = new Set<() => void>();
  const follower: Follower = {
    recordsChanged: (people) => follow(presence.reread(people)),
    directoryChanged: async ({ tokens, people, pairs }) => {
      if (tokens) listener.tokensChanged();
      for (const [a, b] of pairs) await listener.pairChanged(a, b);
      if (people.length > 0) await listener.peopleChanged(people);
    },
    missed: async (how) => {
      listener.tokensChanged();
      await follow(presence.rereadUnsettled());
      await follow(audience.refreshAll(how));
      for (const misser of missers) misser();
    },
  };
  const tokens = new Tokens({ ...common, listener });
  const cache = new TokenCache(tokens);
  const people = new People({ ...common, listener });
  const newcomers = new Newcomers({ people, visibility: rest.visibility });
  return {
    /** Takes up timers, and follows what other nodes do. Errors as in the store. */
    start: async () => {
      await cluster.follow(follower);
      await presence.start();
    },
    presence,
    audience,
    deliveries,
    tokens,
    tokenChanges: cache,
    people,
    /** Calls the follower when people may be seen by others, or go by other names and accounts, than before. */
    onPeopleChanged: (follower: (people: readonly PersonId[]) => void) => void followers.add(follower),
    /** Calls the follower when anything may have changed unheard; who listens to `presence` is told only of whom time has yet to change. */
    onMissed: (follower: () => void) => void missers.add(follower),
    turns: common.turns,
    newcomers,
    links: new Links({ ...common, people, listener, timing: rules.timing }),
    contacts: new Contacts({ ...common, people, maxContacts, listener }),
    gate: new Gate({
      verifier: new UpstreamTokens({ ...common, own: cache, upstreams: rest.upstreams ?? [], newcomers }),
      known: (token) => cache.known(token),
      failures,
      writes,
    }),
  };
}

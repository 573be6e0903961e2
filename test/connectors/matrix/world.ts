import { Budget } from '../../../src/connectors/budget.ts';
import { Homeserver } from '../../../src/connectors/matrix/homeserver.ts';
import type { HomeserverFault } from '../../../src/connectors/matrix/homeserver-fault.ts';
import { shareability } from '../../../src/connectors/shareable.ts';
import type { Person, PersonId, Profile } from '../../../src/presence/identity.ts';
import type { CustomStatus, Mode } from '../../../src/presence/record.ts';
import type { MatrixDialect } from '../../../src/protocols/matrix/dialect.ts';
import { MODERN } from '../../../src/protocols/matrix/dialect.ts';
import { MATRIX, matrixNetwork } from '../../../src/protocols/matrix/ids.ts';
import { fakeNetwork, makeBridge } from '../../helpers/bridge.ts';
import { FakeHomeserver, quiet } from '../../helpers/homeserver.ts';
import { seededRandom } from '../../helpers/random.ts';

export const KEEP_ALIVE = 25_000;

export const peer = fakeNetwork('peer');
export const matrix = matrixNetwork({
  serverName: 'hs.test',
  standInTemplate: '@_plexichat_{id}:{server_name}',
});

/** Every word and a free choice of status: as the bridge's own API speaks. */
const dialect = {
  origin: peer.name,
  words: {
    online: 'online',
    idle: 'idle',
    offline: 'offline',
    chat: 'chat',
    dnd: 'dnd',
    invisible: 'invisible',
  },
  see: (status: CustomStatus | null) => MODERN.see(status),
};

/** A bridge without surfaces beside a homeserver that is called directly, on one clock. */
export function makeWorld({ putsPerSecond = 1000 } = {}) {
  const bridge = makeBridge({ networks: [peer, matrix] });
  const { clock, presence, people, store } = bridge;
  const fake = new FakeHomeserver({ clock });
  const outcomes: string[] = [];
  const events: string[] = [];
  const faults: HomeserverFault[] = [];
  const speech: { dialect: MatrixDialect } = { dialect: MODERN };
  const homeserver = new Homeserver({ outbound: fake.outbound(), asToken: fake.asToken, clock });

  const deliveredTo: [PersonId, string][] = [];
  const context = {
    network: matrix,
    people: {
      byId: (id: PersonId) => store.people.byId(id),
      byAddress: (address: { network: typeof MATRIX; id: string }) => people.find(address),
    },
    presence,
    shareable: shareability(store),
    deliveries: bridge.deliveries,
    delivered: (person: PersonId, said: string) => void deliveredTo.push([person, said]),
    dialect: () => speech.dialect,
    clock,
    random: seededRandom(1),
    budget: new Budget({ windows: [{ limit: putsPerSecond, windowMs: 1000 }], maxWaiting: 64, clock }),
    keepAliveMs: KEEP_ALIVE,
    metrics: {
      pushed: (outcome: string) => void outcomes.push(outcome),
      event: (name: string) => void events.push(name),
    },
    onBacklog: () => undefined,
    onTrouble: (fault: HomeserverFault) => void faults.push(fault),
    report: (problem: string, cause: unknown) => {
      throw new Error(problem, { cause });
    },
  };

  async function add(id: string, profile: Partial<Profile> = {}): Promise<Person> {
    return (await bridge.person([{ network: peer.name, id }], { displayName: `P${id}`, ...profile })).person;
  }

  async function addLinked(id: string, userId: string): Promise<Person> {
    const own = [
      { network: peer.name, id },
      { network: MATRIX, id: userId },
    ];
    return (await bridge.person(own)).person;
  }

  /** She says so on the other network; without a text hers is left as it is. */
  async function say(person: Person, mode: Mode, text?: string): Promise<void> {
    const status =
      text === undefined
        ? ({ kind: 'keep' } as const)
        : ({ kind: 'set', text, emoji: null, expiresAt: null } as const);
    await presence.write(person.id, { dialect, mode, status });
    await quiet();
  }

  /** Time passes in steps, and everything that it brings about happens. */
  async function pass(ms: number, step = 500): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      clock.advance(Math.min(step, left));
      await quiet();
    }
  }

  return {
    ...bridge,
    fake,
    homeserver,
    context,
    deliveredTo,
    outcomes,
    events,
    faults,
    speech,
    add,
    addLinked,
    say,
    pass,
  };
}

export type World = ReturnType<typeof makeWorld>;

export function standInOf(id: string): string {
  return `@_plexichat_${id}:hs.test`;
}

import type { ReceiverOptions } from '../../../src/connectors/matrix/receiver.ts';
import { Receiver } from '../../../src/connectors/matrix/receiver.ts';
import type { Received, ReportingOptions } from '../../../src/connectors/matrix/reporting.ts';
import { Reporting } from '../../../src/connectors/matrix/reporting.ts';
import type { Address } from '../../../src/presence/identity.ts';
import { MODERN } from '../../../src/protocols/matrix/dialect.ts';
import { matrixNetwork } from '../../../src/protocols/matrix/ids.ts';
import type { TestBridgeOptions } from '../../helpers/bridge.ts';
import { countingSecrets, fakeNetwork, makeBridge, PROFILE } from '../../helpers/bridge.ts';

export const OTHER = fakeNetwork('other');
export const NETWORK = matrixNetwork({
  serverName: 'home.test',
  standInTemplate: '@_other_{id}:{server_name}',
});
export const ALICE = '@alice:home.test';
export const BOB = '@bob:home.test';
export const LEASE_MS = 2_700_000;

export type ReceivingOptions = Omit<ReceiverOptions, 'reporting'> & ReportingOptions;

/** A receiver over a bridge in memory, where everybody may be made. */
export function makeReceiver(
  options: Partial<ReceivingOptions> = {},
  bridge: Partial<TestBridgeOptions> = {},
) {
  const core = makeBridge({ networks: [OTHER, NETWORK], ...bridge });
  const outcomes: Received[] = [];
  const seen: boolean[] = [];
  const made: string[] = [];
  const caughtUp: string[] = [];
  const all: ReceivingOptions = {
    network: NETWORK,
    serverName: 'home.test',
    senderId: '@_bridge_bot:home.test',
    dialect: () => MODERN,
    receive: true,
    remoteUsers: false,
    directory: core.store,
    people: core.people,
    presence: core.presence,
    newcomers: {
      find: async (address: Address) => {
        made.push(address.id);
        return (await core.people.find(address)) ?? core.people.create([address], PROFILE);
      },
    },
    mirror: { echoes: () => false, echoesEnd: () => false },
    leases: { endsAt: () => core.clock.now() + LEASE_MS },
    secrets: countingSecrets(),
    clock: core.clock,
    metrics: { received: (outcome) => outcomes.push(outcome) },
    catchUp: {
      heard: (userId) => caughtUp.push(`heard ${userId}`),
      carriedOut: ({ ephemeral }) => caughtUp.push(ephemeral ? 'carried out' : 'carried out nothing'),
      again: () => caughtUp.push('again'),
    },
    onReceived: ({ ephemeral }) => seen.push(ephemeral),
    ...options,
  };
  const reporting = new Reporting(all);
  const begin = () => new Receiver({ ...all, reporting });
  const receiver = begin();

  /** What is shown of the user now; null when nobody knows her. */
  async function shown(id: string) {
    const person = await core.people.find({ network: NETWORK.name, id });
    return person && (await core.presence.look(person.id)).shown;
  }

  /** The versions of her record so far. */
  async function version(id: string): Promise<number> {
    const person = await core.people.find({ network: NETWORK.name, id });
    return person ? (await core.presence.look(person.id)).version : 0;
  }

  return { ...core, receiver, reporting, restarted: begin, caughtUp, outcomes, seen, made, shown, version };
}

/** A transaction's body with the given m.presence events. */
export function transaction(...ephemeral: object[]): object {
  return { events: [], ephemeral };
}

export function presence(sender: string, word: string, rest: object = {}): object {
  return { type: 'm.presence', sender, content: { presence: word, ...rest } };
}

/** A promise that a test resolves. */
export function deferred() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

import { shareability } from '../../../src/connectors/shareable.ts';
import type { PlexichatConnectorOptions } from '../../../src/connectors/plexichat/options.ts';
import type { PlexichatSettings } from '../../../src/connectors/plexichat/settings.ts';
import { PlexichatConnector } from '../../../src/connectors/plexichat/connector.ts';
import { randomBytes } from 'node:crypto';
import { HeldTokens } from '../../../src/connectors/plexichat/held-tokens.ts';
import { Sealing } from '../../../src/connectors/plexichat/sealing.ts';
import type { GatewayEvents } from '../../../src/connectors/plexichat/gateway-client.ts';
import type { Dialect } from '../../../src/presence/dialect.ts';
import { Newcomers } from '../../../src/presence/newcomers.ts';
import type { Mode } from '../../../src/presence/record.ts';
import { BRIDGE } from '../../../src/presence/record.ts';
import type { Person, PersonId, Profile } from '../../../src/presence/identity.ts';
import type { Rules, StatusEdit } from '../../../src/presence/reduce.ts';
import { plexichatDialect } from '../../../src/protocols/plexichat/codec.ts';
import { PLEXICHAT, plexichatNetwork } from '../../../src/protocols/plexichat/ids.ts';
import type { ManualClock } from '../../helpers/clock.ts';
import { fakeNetwork, makeBridge, RULES } from '../../helpers/bridge.ts';
import { settled } from '../../helpers/settled.ts';
import { FakeServer } from './fake-server.ts';

export const other = fakeNetwork('other', 'derived');
export const otherDialect: Dialect = {
  origin: other.name,
  words: { online: 'up', chat: 'chatty', idle: 'out', dnd: 'busy', offline: 'down', invisible: 'down' },
  see: (status) => ({ text: status?.text ?? null, emoji: status?.emoji ?? null }),
};

/** Says everything, as the bridge's own API does. */
const ownDialect: Dialect = { ...plexichatDialect, origin: BRIDGE };

export const SETTINGS: PlexichatSettings = {
  token: '1.bridge',
  token_key: Buffer.alloc(32, 7).toString('base64url'),
  receive: true,
  push: true,
  requests_per_minute: 60,
  requests_per_day: 9000,
  reconcile_every: 300_000,
  unknown_after: 1_800_000,
};

export interface LogLine {
  readonly level: string;
  readonly details: object;
  readonly message: string;
}

/** How a connector reaches a server that is more than a fake. */
export type Wire = (clock: ManualClock) => Pick<PlexichatConnectorOptions, 'server' | 'gateway'>;

/** A bridge with one connector, whose process can be killed and started again, beside a server without a wire. */
export function makeWorld(settings: Partial<PlexichatSettings> = {}, rules: Rules = RULES, wire?: Wire) {
  const bridge = makeBridge({ networks: [plexichatNetwork, other], rules });
  const { clock, store, presence, people } = bridge;
  const server = new FakeServer(clock);
  const log: LogLine[] = [];
  const counts = new Map<string, number>();
  const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
  const troubles: unknown[] = [];
  const say = (level: string) => (details: object, message: string) =>
    void log.push({ level, details, message });

  function start() {
    const life = { dead: false, events: null as GatewayEvents | null };
    const reached = { server: server.api(() => life.dead), ...wire?.(clock) };
    const { token_key: key } = { ...SETTINGS, ...settings };
    const logger = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
    const held = new HeldTokens({
      directory: store,
      people,
      network: PLEXICHAT,
      sealing: key === undefined ? null : new Sealing(key, randomBytes),
      identify: (token) => reached.server.identify(token),
      clock,
      log: logger,
    });
    const connector = new PlexichatConnector({
      settings: { ...SETTINGS, ...settings },
      gateway: ({ events }) => {
        life.events = events;
        return { start: () => undefined, [Symbol.asyncDispose]: () => Promise.resolve() };
      },
      ...reached,
      tokens: held,
      presence,
      people,
      newcomers: new Newcomers({ people, visibility: 'everyone' }),
      deliveries: bridge.deliveries,
      shareable: shareability(store),
      network: plexichatNetwork,
      clock,
      random: () => 0,
      logger,
      metrics: {
        request: (outcome) => count(`request ${outcome}`),
        pushed: (outcome) => count(`pushed ${outcome}`),
        received: (outcome) => count(`received ${outcome}`),
        event: (name) => count(`event ${name}`),
        up: () => undefined,
        backlog: () => undefined,
      },
      report: (_, error) => void troubles.push(error),
    });
    connector.start();
    return { connector, held, life };
  }

  let { connector, held, life } = start();

  const world = {
    ...bridge,
    server,
    log,
    counts,
    troubles,
    get connector() {
      return connector;
    },
    /** The tokens that people gave. */
    get held() {
      return held;
    },
    get life() {
      return life;
    },
    /** READY. */
    async ready(): Promise<void> {
      if (life.events) server.connect(life.events);
      await settled();
    },
    /** Nothing of the old process has any effect from now on; a new one begins. */
    async crash(): Promise<void> {
      life.dead = true;
      server.hangs = false;
      server.forget();
      void connector[Symbol.asyncDispose]();
      await settled();
      ({ connector, held, life } = start());
    },
    async restart(): Promise<void> {
      server.forget();
      await connector[Symbol.asyncDispose]();
      ({ connector, held, life } = start());
    },
    /** Turns the clock in steps, so that what waits in between is done. */
    async pass(ms: number, step = 1000): Promise<void> {
      for (let left = ms; left > 0; left -= step) {
        clock.advance(Math.min(step, left));
        await settled();
      }
    },
    /** Somebody with an account there and one elsewhere. */
    async linked(id: string, profile: Partial<Profile> = {}): Promise<Person> {
      const addresses = [
        { network: PLEXICHAT, id },
        { network: other.name, id: `@${id}` },
      ];
      return (await bridge.person(addresses, profile)).person;
    },
    /** She gives the token of her account. */
    async give(person: Person, token = `1.of-${person.id}`): Promise<void> {
      const id = person.addresses.find(({ network }) => network === PLEXICHAT)?.id ?? '';
      server.owners.set(token, id);
      await held.give(person, token);
      await settled();
    },
    /** She takes it back. */
    async revoke(person: PersonId): Promise<void> {
      await connector.withdraw(person);
      await held.revoke(person);
    },
    /** She says something elsewhere. */
    async says(person: Person | PersonId, mode: Mode, status: StatusEdit = { kind: 'keep' }): Promise<void> {
      const id = typeof person === 'string' ? person : person.id;
      await presence.write(id, { dialect: otherDialect, mode, status });
      await settled();
    },
    /** She says something by the bridge's Plexichat API. */
    async claims(person: Person, mode: Mode): Promise<void> {
      await presence.write(person.id, { dialect: plexichatDialect, mode, status: { kind: 'keep' } });
      await settled();
    },
    /** She says something by the bridge's own API. */
    async sets(person: Person, mode: Mode, status: StatusEdit = { kind: 'keep' }): Promise<void> {
      await presence.write(person.id, { dialect: ownDialect, mode, status });
      await settled();
    },
    async find(id: string): Promise<Person | null> {
      return people.find({ network: PLEXICHAT, id });
    },
    /** What is shown of the account on the bridge; null when nobody has it. */
    async shown(id: string) {
      const person = await people.find({ network: PLEXICHAT, id });
      if (!person) return null;
      const { shown } = await presence.look(person.id);
      return { ...shown, ...plexichatDialect.see(shown.status) };
    },
    async feed(id: string) {
      const person = await people.find({ network: PLEXICHAT, id });
      return person && (await presence.apart(person.id, PLEXICHAT)).feed;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await connector[Symbol.asyncDispose]();
      presence[Symbol.dispose]();
    },
  };
  return world;
}

export type World = ReturnType<typeof makeWorld>;

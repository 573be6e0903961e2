import type { AccountState } from './accounts.ts';
import { Accounts } from './accounts.ts';
import { Verifications } from './authentication.ts';
import type { Connection } from './gateway/connection.ts';
import type { GatewayContext, SeenIdentify, SeenResume } from './gateway/context.ts';
import { GatewayFaults } from './gateway/faults.ts';
import { Gateway } from './gateway/gateway.ts';
import type { Session } from './gateway/sessions.ts';
import { HttpLimiter } from './http-limiter.ts';
import { Network } from './network.ts';
import type { PlexichatServerOptions, Settings } from './options.ts';
import { settingsOf } from './options.ts';
import type { GatewayEvent, Hub } from './presence.ts';
import { Presence } from './presence.ts';
import type { StoredPresence } from './presence-rows.ts';
import { Relations } from './relations.ts';
import type { Reply } from './reply.ts';
import type { SeenRequest } from './rest.ts';
import { Rest } from './rest.ts';
import type { FaultOptions, Faulting, RestFault } from './rest-faults.ts';
import { RestFaults } from './rest-faults.ts';
import { putPresence } from './presence-routes.ts';
import { Snowflakes } from './snowflakes.ts';
import { Sockets } from './sockets.ts';

export interface Credentials {
  readonly id: string;
  readonly token: string;
}

/** Listens on a free port of loopback. */
export async function startPlexichatServer(options: PlexichatServerOptions): Promise<PlexichatServer> {
  const server = new PlexichatServer(settingsOf(options));
  await server.sockets.listenAgain();
  return server;
}

/** A peer that behaves like the real server, defects included, and the handles by which a test turns it. */
export class PlexichatServer implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  readonly identifies: SeenIdentify[] = [];
  readonly resumes: SeenResume[] = [];
  readonly sockets: Sockets;
  readonly gatewayFaults = new GatewayFaults();
  readonly #settings: Settings;
  readonly #accounts: Accounts;
  readonly #relations: Relations;
  readonly #presence: Presence;
  readonly #restFaults = new RestFaults();
  readonly #connections = new Set<Connection>();
  readonly #sessions = new Map<string, Session>();
  readonly #network: Network;
  readonly #hub: Hub;
  readonly #waiting = new Set<() => void>();

  constructor(settings: Settings) {
    const ids = new Snowflakes(settings.clock);
    const verifications = new Verifications(settings);
    this.#settings = settings;
    this.#accounts = new Accounts(settings, ids);
    this.#relations = new Relations(settings, ids);
    this.#presence = new Presence(settings, this.#relations, {
      dispatch: (id, event) => this.#hub.dispatch(id, event),
      connectionsOf: (id) => this.#hub.connectionsOf(id),
    });
    const gateway = new Gateway(this.#gatewayContext(verifications));
    this.#hub = gateway;
    const rest = this.#rest(verifications);
    this.#network = new Network({
      request: (request, response) => rest.handle(request, response),
      upgrade: (request, socket, head) => gateway.upgrade(request, socket, head),
    });
    this.sockets = new Sockets({
      clock: settings.clock,
      network: this.#network,
      gateway,
      connections: this.#connections,
      verifications,
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#network.port}`;
  }

  addUser(user: { readonly id?: string; readonly username?: string } = {}): Credentials {
    const { id } = this.#accounts.add(user.id, user.username);
    return { id, token: this.#accounts.logIn(id) };
  }

  /** A bot of that user: its token acts as the owner, its own id never has a presence. */
  addBot(ownerId: string, username = 'helper_bot'): Credentials {
    const { id } = this.#accounts.add(undefined, username, ownerId);
    return { id, token: this.#accounts.logIn(id) };
  }

  /** One more session token of a user. */
  logIn(id: string): string {
    return this.#accounts.logIn(id);
  }

  /** REST refuses the token from now on; sockets opened with it stay, and get a SECURITY_ALERT. */
  revoke(token: string): void {
    const id = this.#accounts.revoke(token);
    const userId = this.#settings.defects.idsAsNumbers ? id : `"${id}"`;
    const json = `{"user_id":${userId},"action":"session_revoked","detail":{}}`;
    this.#hub.dispatch(id, { type: 'SECURITY_ALERT', intent: 0, json });
  }

  /** A token that was revoked is good again, as if it never had been: nothing that a real server does. */
  reinstate(token: string): void {
    this.#accounts.reinstate(token);
  }

  setAccountState(id: string, state: AccountState): void {
    this.#accounts.known(id).state = state;
  }

  /** Nobody is told: names must be polled. */
  rename(id: string, username: string): void {
    this.#accounts.known(id).username = username;
  }

  befriend(a: string, b: string): void {
    for (const [id, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const { createdAt } = this.#relations.relate(id, other, 'friend');
      this.#tell(id, 'RELATIONSHIP_ADD', {
        user_id: other,
        username: this.#accounts.known(other).username,
        status: 'friend',
        presence: { status: this.#presence.listed(other, id) },
        created_at: this.#settings.wireTime(createdAt),
      });
    }
  }

  /** Events go on for as long as the audience is cached. */
  unfriend(a: string, b: string): void {
    for (const [id, other] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#relations.part(id, other);
      this.#tell(id, 'RELATIONSHIP_REMOVE', { user_id: other });
    }
  }

  /** Ends a friendship without a word to the other side. */
  block(id: string, other: string): void {
    if (!this.#relations.hasBlocked(other, id)) this.#relations.part(other, id);
    const { createdAt } = this.#relations.relate(id, other, 'blocked');
    this.#tell(id, 'RELATIONSHIP_ADD', {
      user_id: other,
      status: 'blocked',
      created_at: this.#settings.wireTime(createdAt),
    });
  }

  unblock(id: string, other: string): void {
    this.#relations.part(id, other);
    this.#tell(id, 'RELATIONSHIP_REMOVE', { user_id: other });
  }

  /** The guild's id. */
  addGuild(members: readonly string[], name = 'presence lab'): string {
    return this.#relations.addGuild(members, name).id;
  }

  joinGuild(guildId: string, id: string): void {
    this.#relations.join(guildId, id);
  }

  leaveGuild(guildId: string, id: string): void {
    this.#relations.leave(guildId, id);
  }

  /** A PUT by the user's own client: from another address, so that it counts towards no limit here. */
  userWrites(id: string, body: object): Reply {
    this.#accounts.known(id);
    return putPresence({ settings: this.#settings, presence: this.#presence }, id, body);
  }

  /** The user's own client connects to the gateway from elsewhere. */
  userConnects(id: string): void {
    this.#accounts.known(id);
    this.#presence.clientElsewhere(id, 1);
  }

  userDisconnects(id: string): void {
    this.#presence.clientElsewhere(id, -1);
  }

  /** What the database holds of her, for assertions. */
  status(id: string): StoredPresence {
    return this.#presence.rows.stored(id);
  }

  /** What happens to the next `count` requests instead of an answer. */
  faultNext(count: number, fault: RestFault, options: FaultOptions = {}): Faulting {
    return this.#restFaults.add(count, fault, options);
  }

  /** Any event to all sockets of a user, as if the server had made it; `json` is the text of `d`. */
  dispatch(id: string, type: string, json: string, intent = 0): void {
    this.#hub.dispatch(id, { type, intent, json });
  }

  /** A frame that no server should send, as it is, to every open socket of the gateway. */
  sendRaw(frame: string): void {
    for (const { line } of this.#connections) line.send(frame);
  }

  /** Resolves once the condition holds; looked at after every request, frame, connect and disconnect. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#restFaults.releaseAll();
    for (const connection of [...this.#connections]) connection.vanish();
    this.#network.stop();
    this.#network.cut();
    await this.until(() => this.#connections.size === 0);
  }

  readonly #activity = (): void => {
    for (const look of [...this.#waiting]) look();
  };

  #tell(id: string, type: GatewayEvent['type'], d: object): void {
    this.#hub.dispatch(id, { type, intent: 0, json: JSON.stringify(d) });
  }

  #gatewayContext(verifications: Verifications): GatewayContext {
    return {
      settings: this.#settings,
      accounts: this.#accounts,
      relations: this.#relations,
      presence: this.#presence,
      verifications,
      faults: this.gatewayFaults,
      sessions: this.#sessions,
      connections: this.#connections,
      identifies: this.identifies,
      resumes: this.resumes,
      activity: this.#activity,
    };
  }

  #rest(verifications: Verifications): Rest {
    return new Rest({
      settings: this.#settings,
      accounts: this.#accounts,
      relations: this.#relations,
      presence: this.#presence,
      limiter: new HttpLimiter(this.#settings),
      verifications,
      faults: this.#restFaults,
      seen: (request) => {
        this.requests.push(request);
        this.#activity();
      },
    });
  }
}

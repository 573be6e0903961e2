import type { FastifyBaseLogger } from 'fastify';
import type { Directory } from '../../../../src/presence/directory.ts';
import type { PresenceStore } from '../../../../src/presence/store.ts';
import type { Profile } from '../../../../src/presence/identity.ts';
import type { Mode } from '../../../../src/presence/record.ts';
import { Metrics } from '../../../../src/metrics/metrics.ts';
import { plexichatDialect } from '../../../../src/protocols/plexichat/codec.ts';
import { plexichatNetwork } from '../../../../src/protocols/plexichat/ids.ts';
import type { BucketLimits } from '../../../../src/admission/token-buckets.ts';
import { Connection } from '../../../../src/surfaces/plexichat/gateway/connection.ts';
import { PresenceEncoder } from '../../../../src/surfaces/plexichat/gateway/contact-feed.ts';
import type { Socket } from '../../../../src/surfaces/plexichat/gateway/outbox.ts';
import type { GatewayContext } from '../../../../src/surfaces/plexichat/gateway/peer.ts';
import { Sessions } from '../../../../src/surfaces/plexichat/gateway/sessions.ts';
import type { GatewaySettings } from '../../../../src/surfaces/plexichat/gateway/settings.ts';
import { countingSecrets, makeBridge } from '../../../helpers/bridge.ts';
import type { ManualClock } from '../../../helpers/clock.ts';
import { silentLogger } from '../../../helpers/logger.ts';
import { settled } from '../../../helpers/settled.ts';
import { ALICE, BOB, GATEWAY, OTHER } from '../plexichat-app.ts';

export const GRACE = 30_000;
/** Asks for presences. */
export const INTENTS = 256;

export interface GatewayOptions {
  readonly gateway?: Partial<GatewaySettings>;
  readonly writes?: BucketLimits;
  readonly store?: PresenceStore & Directory;
  readonly log?: FastifyBaseLogger;
  readonly clock?: ManualClock;
  readonly node?: string;
  readonly sessionKey?: string;
}

class FakeSocket implements Socket {
  bufferedAmount = 0;
  paused = false;
  closed: { code: number; reason: string } | null = null;
  readonly sent: (string | Buffer)[] = [];

  send(data: string | Buffer): void {
    this.sent.push(data);
  }

  close(code: number, reason: string): void {
    this.closed = { code, reason };
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}

/** One client on a socket that is none. */
export class FakeClient {
  readonly socket = new FakeSocket();
  readonly connection: Connection;

  constructor(context: GatewayContext) {
    this.connection = new Connection(this.socket, { ip: '127.0.0.1', url: 'ws://here/gateway' }, context);
  }

  /** Every text frame so far. */
  get frames(): any[] {
    return this.socket.sent.map((frame): unknown => JSON.parse(String(frame)));
  }

  /** Events so far, as `<s> <user> <status> <text>`, or `<s> <name>`. */
  get events(): string[] {
    return this.frames
      .filter(({ op }) => op === 0)
      .map(({ t, s, d }) =>
        t === 'PRESENCE_UPDATE'
          ? [s, d.user_id, d.status, d.custom_status].filter((part) => part !== null).join(' ')
          : `${s} ${t}`,
      );
  }

  get sessionId(): string {
    return this.frames.find(({ t }) => t === 'READY').d.session_id;
  }

  async send(op: unknown, d?: unknown): Promise<void> {
    await this.receive(JSON.stringify({ op, d }));
  }

  async receive(message: string | Buffer, isBinary = Buffer.isBuffer(message)): Promise<void> {
    this.connection.receive(Buffer.from(message), isBinary);
    await this.connection.settled();
    await settled();
  }

  async identify(token: string, rest: object = {}): Promise<this> {
    await this.send(2, { token, intents: INTENTS, ...rest });
    return this;
  }

  async resume(token: string, sessionId: string, seq: number): Promise<this> {
    await this.send(6, { token, session_id: sessionId, seq });
    return this;
  }

  /** The line is cut. */
  async drop(): Promise<void> {
    this.connection.gone();
    await settled();
  }
}

/** Gateway connections over a bridge in memory, without a network. */
export function makeGateway({
  gateway = {},
  log = silentLogger,
  node = 'node',
  sessionKey = 'key',
  ...options
}: GatewayOptions = {}) {
  const bridge = makeBridge({ networks: [plexichatNetwork, OTHER], ...options });
  const common = {
    ...bridge,
    network: plexichatNetwork,
    node,
    sessionKey,
    secrets: countingSecrets(),
    metrics: new Metrics({ process: false }),
    graceMs: GRACE,
    gateway: { ...GATEWAY, ...gateway },
    log,
  };
  const counted = { identified: 0, resumed: 0, invalidPresences: 0, slowClosed: 0 };
  const context: GatewayContext = {
    ...common,
    dialectSetting: 'documented',
    serverTokens: false,
    corsOrigins: [],
    version: '1.2.3',
    sessions: new Sessions(common),
    encoder: new PresenceEncoder(plexichatNetwork),
    counters: {
      identified: { inc: () => counted.identified++ },
      resumed: { inc: () => counted.resumed++ },
      invalidPresences: { inc: () => counted.invalidPresences++ },
      slowClosed: { inc: () => counted.slowClosed++ },
    },
  };

  async function user(id: string, profile: Partial<Profile> = {}) {
    const { person, token } = await bridge.person([{ network: plexichatNetwork.name, id }], profile);
    return { id, person, token: await token(plexichatNetwork) };
  }
  type User = Awaited<ReturnType<typeof user>>;

  /** One lists the others. */
  async function list(owner: User, ...others: User[]): Promise<void> {
    const addresses = others.map(({ id }) => ({ network: plexichatNetwork.name, id }));
    await bridge.contacts.change(owner.person.id, addresses, []);
  }

  /** An explicit write, as by a PUT. */
  async function say(who: User, mode: Mode, text?: string): Promise<void> {
    const status =
      text === undefined ? ({ kind: 'keep' } as const) : ({ kind: 'set', text, emoji: null } as const);
    await bridge.presence.write(who.person.id, { dialect: plexichatDialect, mode, status });
    await settled();
  }

  /** What the person sees of herself. */
  async function mode(who: User): Promise<Mode> {
    return (await bridge.presence.own(who.person.id)).mode;
  }

  async function pass(ms: number): Promise<void> {
    bridge.clock.advance(ms);
    await settled();
  }

  return { ...bridge, context, counted, user, list, say, mode, pass, connect: () => new FakeClient(context) };
}

export type Gateway = ReturnType<typeof makeGateway>;
export type User = Awaited<ReturnType<Gateway['user']>>;

/** A gateway with Alice, and Bob who lists her. */
export async function makeWatched(options: GatewayOptions = {}) {
  const gateway = makeGateway(options);
  const [alice, bob] = [await gateway.user(ALICE), await gateway.user(BOB)];
  await gateway.list(bob, alice);
  return { gateway, alice, bob };
}

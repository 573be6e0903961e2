import { inflateSync } from 'node:zlib';
import { z } from 'zod';
import type { Profile } from '../../presence/identity.ts';
import type { ExplicitWrite } from '../../presence/reduce.ts';
import type { Shown } from '../../presence/shown.ts';
import { GatewayFault } from './close-codes.ts';
import { decodePresence, plexichatDialect } from './codec.ts';

/** Plexichat gateway: opcodes. Those of calls, interactions and artifacts mean nothing here. */
export const OPS = {
  dispatch: 0,
  heartbeat: 1,
  identify: 2,
  presenceUpdate: 3,
  voiceState: 4,
  resume: 6,
  requestMembers: 8,
  invalidSession: 9,
  hello: 10,
  heartbeatAck: 11,
  voice: [20, 21, 22, 23, 24, 25, 26],
  typingStart: 40,
  typingStop: 41,
  artifacts: [60, 61, 62],
} as const;

/** How often a client is told to send a heartbeat, ms. */
export const HEARTBEAT_INTERVAL = 45_000;
/** Largest message of a client, bytes as sent. */
export const MAX_MESSAGE_BYTES = 65_536;
/** Largest message of a client once inflated, bytes. */
const MAX_INFLATED_BYTES = 262_144;
/** Largest `intents` the server accepts. */
export const MAX_INTENTS = 1_900_543;
/** Without this intent no presence is sent; the default intents lack it. */
const PRESENCES = 256;
/** First byte of a zlib stream with the usual window. */
const ZLIB = 0x78;

export interface Frame {
  readonly op: number;
  readonly d: unknown;
}

/** An event, encoded once for all who get it. */
export interface Dispatch {
  readonly t: string;
  /** As JSON. */
  readonly d: string;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const record = z.record(z.string(), z.unknown());

/** A message of a client; null for one that says nothing. Throws a fault when it is no frame or names no opcode. */
export function decodeFrame(message: Buffer, isBinary: boolean): Frame | null {
  const value = parseMessage(message, isBinary);
  if (value === null) return null;
  const frame = record.safeParse(value).data;
  if (frame?.['op'] == null) throw new GatewayFault('decode_error');
  const { op, d } = frame;
  // The server takes `true` for 1.
  if (typeof op !== 'number' && typeof op !== 'boolean') throw new GatewayFault('unknown_opcode');
  return { op: Number(op), d };
}

function parseMessage(message: Buffer, isBinary: boolean): unknown {
  try {
    const inflates = isBinary && message[0] === ZLIB;
    const text = inflates ? inflateSync(message, { maxOutputLength: MAX_INFLATED_BYTES }) : message;
    return JSON.parse(utf8.decode(text)) as unknown;
  } catch (cause) {
    throw new GatewayFault('decode_error', { cause });
  }
}

const identifyBody = z.object({
  token: z.unknown().optional(),
  intents: z.number().default(0),
  properties: record.optional(),
  compress: z.unknown().optional(),
});

export interface Identify {
  readonly token: string;
  readonly compress: boolean;
  /** Whether presences are wanted. */
  readonly presences: boolean;
}

/** Throws the fault that ends the socket. `maxIntents` is the largest set that is accepted. */
export function decodeIdentify(d: unknown, maxIntents: number): Identify {
  const body = identifyBody.safeParse(filled(d)).data;
  if (!body) throw new GatewayFault('decode_error');
  const { token, intents, compress } = body;
  if (typeof token !== 'string') throw new GatewayFault('authentication_failed');
  if (intents < 0 || intents > maxIntents) throw new GatewayFault('invalid_intents');
  return { token, compress: Boolean(compress), presences: (intents & PRESENCES) !== 0 };
}

const resumeBody = z.object({ token: z.string(), session_id: z.string(), seq: z.int().min(0).default(0) });

/** What to resume, or null when it cannot be any session. Throws a fault when nothing is said at all. */
export function decodeResume(d: unknown): z.output<typeof resumeBody> | null {
  return resumeBody.safeParse(filled(d)).data ?? null;
}

/** Op 3 is held to the rules of a PUT, save that `status` may be absent. Throws `bad_json`, `bad_parameter`. */
export function decodePresenceUpdate(d: unknown): ExplicitWrite {
  const body = record.safeParse(d).data;
  const saysSomething = body && Object.keys(body).length > 0;
  return decodePresence(saysSomething ? { status: 'online', ...body } : d);
}

const guild = z.object({ guild_id: z.union([z.int(), z.string().regex(/^\d+$/)]) });

/** Throws a fault when op 8 names no guild. */
export function checkGuild(d: unknown): void {
  if (!guild.safeParse(d).success) throw new GatewayFault('decode_error');
}

function filled(d: unknown): Record<string, unknown> {
  const body = record.safeParse(d).data;
  if (!body || Object.keys(body).length === 0) throw new GatewayFault('decode_error');
  return body;
}

export const HELLO = encodeFrame(OPS.hello, { heartbeat_interval: HEARTBEAT_INTERVAL });
export const INVALID_SESSION = encodeFrame(OPS.invalidSession, false);
export const HEARTBEAT_ACK = JSON.stringify({ op: OPS.heartbeatAck });

function encodeFrame(op: number, d: unknown): string {
  return JSON.stringify({ op, d });
}

/** The last frame, since clients who are told of the same often count alike, too. */
let last = { event: null as Dispatch | null, s: 0, frame: '' };

/** The frame of an event; `s` is its number in the session. */
export function encodeDispatch(event: Dispatch, s: number): string {
  if (last.event === event && last.s === s) return last.frame;
  const frame = `{"op":${OPS.dispatch},"t":"${event.t}","s":${s},"d":${event.d}}`;
  last = { event, s, frame };
  return frame;
}

export const RESUMED: Dispatch = { t: 'RESUMED', d: '{}' };

/** `url` is where this client finds the gateway again. */
export function readyEvent(userId: string, profile: Profile, sessionId: string, url: string): Dispatch {
  const d = {
    v: 10,
    user: {
      id: userId,
      username: profile.displayName ?? userId,
      discriminator: '0',
      avatar: null,
      bot: false,
    },
    guilds: [],
    session_id: sessionId,
    resume_gateway_url: url,
    application: { id: userId, flags: 0 },
  };
  return { t: 'READY', d: JSON.stringify(d) };
}

/** What others are shown of somebody. */
export function presenceEvent(userId: string, shown: Shown): Dispatch {
  const { text, emoji } = plexichatDialect.see(shown.status);
  const status = plexichatDialect.words[shown.mode];
  const d = { user_id: userId, status, custom_status: text, custom_emoji: emoji };
  return { t: 'PRESENCE_UPDATE', d: JSON.stringify(d) };
}

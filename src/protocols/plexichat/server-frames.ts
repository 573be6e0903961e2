import { z } from 'zod';
import { OPS } from './frames.ts';
import { plexichatNetwork } from './ids.ts';
import { parseServerJson } from './server-json.ts';

/** GUILD_PRESENCES and nothing else: the only set that every version of the server accepts (Plexichat gateway: intents). */
const INTENTS = 256;

/** The op by which a server asks its clients to connect anew; never seen. */
export const RECONNECT = 7;

/** What a real server sends. */
export interface ServerFrame {
  readonly op: number;
  /** The name of an event. */
  readonly t: string | null;
  /** The number of an event in its session. */
  readonly s: number | null;
  readonly d: unknown;
}

/** What READY tells. Its `resume_gateway_url` leads nowhere. */
export interface Ready {
  readonly userId: string;
  readonly sessionId: string;
  readonly guildIds: readonly string[];
}

const frame = z.object({
  op: z.int(),
  t: z.string().nullish(),
  s: z.int().nonnegative().nullish(),
  d: z.unknown().optional(),
});
const hello = z.object({ heartbeat_interval: z.number().positive() });
const id = z.union([z.string(), z.int()]).transform(String);
const ready = z.object({
  user: z.object({ id }),
  session_id: z.string().min(1),
  guilds: z.array(z.object({ id })).default([]),
});

/** Null for what is no frame. */
export function decodeServerFrame(text: string): ServerFrame | null {
  let value: unknown;
  try {
    value = parseServerJson(text);
  } catch {
    return null;
  }
  const read = frame.safeParse(value).data;
  return read ? { op: read.op, t: read.t ?? null, s: read.s ?? null, d: read.d } : null;
}

/** How often the server wants a heartbeat, ms; null when it does not say. */
export function decodeHello(d: unknown): number | null {
  return hello.safeParse(d).data?.heartbeat_interval ?? null;
}

/** Null when it cannot be used. */
export function decodeReady(d: unknown): Ready | null {
  const read = ready.safeParse(d).data;
  const userId = plexichatNetwork.parseId(read?.user.id ?? '');
  if (!read || userId === null) return null;
  return { userId, sessionId: read.session_id, guildIds: read.guilds.map((guild) => guild.id) };
}

/** `token` is bare; with `Bearer` before it the server would refuse it. */
export function identifyFrame(token: string): string {
  const properties = { os: 'linux', browser: 'plexibridge', device: 'plexibridge' };
  return JSON.stringify({ op: OPS.identify, d: { token, intents: INTENTS, compress: true, properties } });
}

/** `seq` is the number of the last event that came. */
export function resumeFrame(token: string, sessionId: string, seq: number): string {
  return JSON.stringify({ op: OPS.resume, d: { token, session_id: sessionId, seq } });
}

export function heartbeatFrame(seq: number | null): string {
  return JSON.stringify({ op: OPS.heartbeat, d: seq });
}

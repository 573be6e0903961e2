import { request } from 'undici';
import { z } from 'zod';
import type { RunningBridge } from '../connectors/check.ts';

/** A bridge that was looked for. */
export interface FoundBridge {
  /** Whether it says that its store answers. */
  readonly isReady: boolean;
  /** What it thinks of the operator token; `unknown` where none was at hand. */
  readonly token: 'taken' | 'refused' | 'unknown';
  readonly bridge: RunningBridge;
}

const serversBody = z.object({
  servers: z.array(z.object({ name: z.string(), state: z.string(), warnings: z.array(z.string()) })),
});

/** The longest that one answer may take, ms. */
const PATIENCE = 5_000;

/** Looks for a bridge there; null when nobody answers as one. */
export async function findBridge(base: string, token: string | null): Promise<FoundBridge | null> {
  const alive = await ask(base, 'GET', '/livez', null);
  if (alive?.status !== 200 || !alive.text.includes('"ok"')) return null;
  const ready = await ask(base, 'GET', '/readyz', null);
  const servers = token === null ? null : await ask(base, 'GET', '/bridge/v1/servers', token);
  return {
    isReady: ready?.status === 200,
    token: servers === null ? 'unknown' : servers.status === 200 ? 'taken' : 'refused',
    bridge: {
      post: async (path, secret) => (await ask(base, 'POST', path, secret))?.status ?? null,
      server: async (name) => {
        if (token === null) return null;
        const reply = await ask(base, 'GET', '/bridge/v1/servers', token);
        if (reply?.status !== 200) return null;
        const { servers } = serversBody.parse(JSON.parse(reply.text));
        return servers.find((each) => each.name === name) ?? null;
      },
    },
  };
}

async function ask(
  base: string,
  method: 'GET' | 'POST',
  path: string,
  token: string | null,
): Promise<{ status: number; text: string } | null> {
  try {
    const { statusCode, body } = await request(base + path, {
      method,
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(PATIENCE),
      ...(method === 'POST' && { body: '{}' }),
    });
    return { status: statusCode, text: await body.text() };
  } catch {
    return null;
  }
}

import type { z } from 'zod';
import { Outbound } from '../outbound.ts';
import { PlexichatBudgets } from './budgets.ts';
import type { serverSection } from './config.ts';
import type { ServerDoctorOptions } from './doctor.ts';
import { serverChecks } from './doctor.ts';

/** The most that a reply may hold, bytes. */
const MAX_BODY_BYTES = 1024 * 1024;

export interface OpenServerDoctorOptions extends Pick<ServerDoctorOptions, 'clock' | 'random' | 'deep'> {
  readonly settings: z.output<ReturnType<typeof serverSection>> & { readonly url: string };
  /** Of the bridge. */
  readonly version: string;
}

/** The checks of the server of the settings, over connections that `close` ends. */
export function openServerDoctor({ settings, version, ...around }: OpenServerDoctorOptions) {
  const { url } = settings;
  const bypass = settings.rate_limit_bypass;
  const budgets = new PlexichatBudgets({
    requestsPerMinute: settings.requests_per_minute,
    requestsPerDay: settings.requests_per_day,
    bypass: bypass !== undefined,
    clock: around.clock,
  });
  const outbound = new Outbound({
    baseUrl: url,
    timeoutMs: settings.timeout,
    maxBodyBytes: MAX_BODY_BYTES,
    connections: 1,
    userAgent: `plexibridge/${version}`,
  });
  const close = async () => {
    budgets[Symbol.dispose]();
    await outbound[Symbol.asyncDispose]();
  };
  const checks = serverChecks({
    ...around,
    outbound,
    budgets,
    url,
    token: settings.token,
    accessToken: settings.access_token,
    rateLimitBypass: bypass,
    requestsPerMinute: settings.requests_per_minute,
  });
  return { ...checks, name: url, close };
}

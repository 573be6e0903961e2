import type { z } from 'zod';
import { Outbound } from '../outbound.ts';
import type { homeserverSection } from './config.ts';
import type { HomeserverDoctorOptions } from './doctor.ts';
import { homeserverChecks } from './doctor.ts';
import { readRegistration } from './registration-file.ts';

/** The most that a reply may hold, bytes. */
const MAX_BODY_BYTES = 1024 * 1024;

export interface OpenHomeserverDoctorOptions extends Pick<HomeserverDoctorOptions, 'clock' | 'bridge'> {
  readonly settings: z.output<ReturnType<typeof homeserverSection>> & { readonly url: string };
  readonly serverName: string;
  readonly standInTemplate: string;
  /** Of the bridge. */
  readonly version: string;
}

/** The checks of the homeserver of the settings, over connections that `close` ends. */
export function openHomeserverDoctor(options: OpenHomeserverDoctorOptions) {
  const { settings, serverName, standInTemplate, version, clock, bridge } = options;
  const { url, timeout: timeoutMs } = settings;
  const terms = { serverName, standInTemplate, room: settings.room, homeserverUrl: url };
  const outbound = new Outbound({
    baseUrl: url,
    timeoutMs,
    maxBodyBytes: MAX_BODY_BYTES,
    connections: 1,
    userAgent: `plexibridge/${version}`,
  });
  const checks = homeserverChecks({
    outbound,
    clock,
    bridge,
    url,
    terms,
    timeoutMs,
    push: settings.push,
    readRegistration: () => readRegistration(settings.registration, terms),
  });
  return { ...checks, name: url, close: () => outbound[Symbol.asyncDispose]() };
}

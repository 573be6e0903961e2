import closeWithGrace from 'close-with-grace';
import { pino } from 'pino';
import { buildApp } from '../app.ts';
import { systemClock } from '../presence/clock.ts';
import { systemSecrets } from '../secrets.ts';
import { openStore } from '../stores/open.ts';
import type { ConfigOption } from './settings.ts';
import { readSettings } from './settings.ts';
import { welcome } from './welcome.ts';

/** Time for a clean shutdown, ms: requests under way, the last commit, the fold. */
const SHUTDOWN_MS = 30_000;

export async function serve(options: ConfigOption): Promise<void> {
  const settings = readSettings(options);
  const logger = pino({ level: settings.log.level });
  const store = await openStore(settings.store, logger);
  try {
    const { http, made } = await buildApp({
      settings,
      store,
      clock: systemClock,
      secrets: systemSecrets,
      logger,
    });
    await http.listen({ host: settings.listen.host, port: settings.listen.port, backlog: 4096 });
    const baseUrl = http.listeningOrigin;
    process.stdout.write(`${welcome(made, baseUrl)}plexibridge listening on ${baseUrl}\n`);
    closeWithGrace({ delay: SHUTDOWN_MS, logger }, async ({ err }) => {
      if (err) logger.fatal({ err }, 'ending after an unforeseen error');
      await http.close();
      await store[Symbol.asyncDispose]();
    });
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

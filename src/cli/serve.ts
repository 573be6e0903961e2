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
/** What requests under way get of it before their connections are cut, ms. */
const REQUESTS_MS = 5_000;

export async function serve(options: ConfigOption): Promise<void> {
  const settings = readSettings(options);
  // Whoever read our output may go; that is no reason to fail.
  process.stdout.on('error', () => undefined);
  const logger = pino({ level: settings.log.level });
  const store = await openStore(settings.store, logger, systemClock);
  try {
    const { http, made } = await buildApp({
      settings,
      store,
      clock: systemClock,
      secrets: systemSecrets,
      logger,
    });
    const { host, port } = settings.listen;
    try {
      await http.listen({ host, port, backlog: 4096 });
    } finally {
      // What was made can be shown only now, even when the port turned out to be taken.
      const baseUrl = http.server.listening ? http.listeningOrigin : `http://${host}:${port}`;
      process.stdout.write(welcome(made, baseUrl));
    }
    process.stdout.write(`plexibridge listening on ${http.listeningOrigin}\n`);
    closeWithGrace({ delay: SHUTDOWN_MS, logger }, async ({ err }) => {
      if (err) logger.fatal({ err }, 'ending after an unforeseen error');
      const impatience = setTimeout(() => http.server.closeAllConnections(), REQUESTS_MS);
      await http.close();
      clearTimeout(impatience);
      await store[Symbol.asyncDispose]();
    });
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

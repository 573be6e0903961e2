import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';
import type { Settings } from '../app.ts';
import { buildApp } from '../app.ts';
import { Metrics } from '../metrics/metrics.ts';
import { systemClock } from '../presence/clock.ts';
import { systemSecrets } from '../secrets.ts';
import { openStore } from '../stores/open.ts';
import { probeStore } from '../stores/probe.ts';
import type { ConfigOption } from './settings.ts';
import { serverLogger } from './server-logger.ts';
import { isWorker, superviseWorkers } from './workers.ts';
import { readSettings } from './settings.ts';
import { welcome } from './welcome.ts';

/** Time for a clean shutdown, ms: requests under way, the last commit, the fold. */
const SHUTDOWN_MS = 30_000;
/** What requests under way get of it before their connections are cut, ms. */
const REQUESTS_MS = 5_000;

export interface ServeOptions extends ConfigOption {
  /** Processes behind the one port. */
  readonly workers?: number;
}

export async function serve(options: ServeOptions): Promise<void> {
  const settings = readSettings(options);
  // Whoever read our output may go; that is no reason to fail.
  process.stdout.on('error', () => undefined);
  const logger = serverLogger(settings.log.level);
  const { workers = 1 } = options;
  if (workers === 1 || isWorker) await run(settings, logger);
  else if (settings.store.kind === 'postgres') process.exitCode = await superviseWorkers(workers, logger);
  else
    throw new Error('--workers needs store.kind: postgres, since an embedded store belongs to one process');
}

async function run(settings: Settings, logger: Logger): Promise<void> {
  const metrics = new Metrics({ process: true });
  const { store, cluster, buckets } = await openStore({
    settings: settings.store,
    logger,
    clock: systemClock,
    metrics,
  });
  try {
    const { http, made } = await buildApp({
      settings,
      store,
      cluster,
      buckets,
      metrics,
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
    if (!isWorker) process.stdout.write(`plexibridge listening on ${http.listeningOrigin}\n`);
    const probe = probeStore({ store, clock: systemClock, metrics });
    closeWithGrace({ delay: SHUTDOWN_MS, logger }, async ({ err }) => {
      if (err) logger.fatal({ err }, 'ending after an unforeseen error');
      const impatience = setTimeout(() => http.server.closeAllConnections(), REQUESTS_MS);
      await http.close();
      clearTimeout(impatience);
      await probe[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    });
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

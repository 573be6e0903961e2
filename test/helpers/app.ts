import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { buildApp, settingsSchema } from '../../src/app.ts';
import type { Directory } from '../../src/presence/directory.ts';
import type { PresenceStore } from '../../src/presence/store.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { countingSecrets } from './bridge.ts';
import { ManualClock } from './clock.ts';
import { silentLogger } from './logger.ts';

export const OPERATOR = 'operator-token-for-tests';

export interface Reply {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly text: string;
  readonly body: any;
}

export interface TestApp {
  readonly http: FastifyInstance;
  readonly clock: ManualClock;
  readonly store: PresenceStore & Directory;
  readonly call: (
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    url: string,
    token: string,
    body?: unknown,
  ) => Promise<Reply>;
  /** A person made by the operator, with a token for each network. */
  readonly person: (ids: {
    plexichat_id?: string;
    matrix_id?: string;
    visibility?: string;
  }) => Promise<TestPerson>;
}

export interface TestAppOptions {
  readonly store?: PresenceStore & Directory;
  /** Bends the store, to see a test fail. */
  readonly sabotage?: (store: PresenceStore & Directory) => PresenceStore & Directory;
  readonly logger?: FastifyBaseLogger;
}

export interface TestPerson {
  readonly id: string;
  readonly plexichat: { readonly id: string; readonly token: string };
  readonly matrix: { readonly id: string; readonly token: string };
}

/** The whole bridge on a store in memory and a clock turned by hand; `settings` as in the file. */
export async function makeApp(settings: object = {}, options: TestAppOptions = {}): Promise<TestApp> {
  const clock = new ManualClock();
  const store = (options.sabotage ?? ((honest) => honest))(options.store ?? new MemoryStore());
  const { http } = await buildApp({
    settings: settingsSchema.parse({
      operator: { token: OPERATOR },
      samples: false,
      limits: { writes: { burst: 1_000_000, per_second: 1 } },
      ...settings,
    }),
    store,
    clock,
    secrets: countingSecrets(),
    logger: options.logger ?? silentLogger,
  });
  const call: TestApp['call'] = async (method, url, token, body) => {
    const reply = await http.inject({
      method,
      url,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    });
    const isJson = String(reply.headers['content-type']).startsWith('application/json');
    const parsed = isJson ? reply.json<unknown>() : null;
    return { status: reply.statusCode, headers: reply.headers, text: reply.body, body: parsed };
  };
  const person: TestApp['person'] = async (ids) => {
    const { body } = await call('POST', '/bridge/v1/people', OPERATOR, ids);
    const token = async (network: string): Promise<string> =>
      (await call('POST', `/bridge/v1/people/${body.id}/tokens`, OPERATOR, { network })).body.token;
    return {
      id: body.id,
      plexichat: { id: body.plexichat_id, token: await token('plexichat') },
      matrix: { id: body.matrix_id, token: await token('matrix') },
    };
  };
  return { http, clock, store, call, person };
}

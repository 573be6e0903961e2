import { describe, expect, it } from 'vitest';
import { load, problemsOf } from './files.ts';

const DEFAULTS = {
  listen: { host: '127.0.0.1', port: 8790, trusted_proxies: [], request_timeout: 30_000 },
  store: { kind: 'sqlite', path: './data', shards: [], pool: 8, cache_records: 100_000 },
  operator: {},
  log: { level: 'info' },
  samples: true,
  limits: {
    writes: { burst: 10, per_second: 1 },
    failed_auth: { burst: 20, per_second: 0.5 },
    sessions: 50,
    contacts: 1000,
    body_bytes: 1_048_576,
  },
  presence: {
    idle_after: 300_000,
    claim_ttl: 1_800_000,
    busy_ttl: 1_800_000,
    grace: 30_000,
    visibility: 'everyone',
  },
  translation: { sticky: true },
  metrics: { public: false },
  carrier: { ports: [], names: {}, nick: '' },
};

describe('the settings', () => {
  it('need no configuration at all', () => {
    expect(load(null)).toEqual(DEFAULTS);
  });

  it.each(['', '# nothing\n', 'listen:\noperator:\nlimits:\n  writes:\n', '{}'])(
    'have their defaults when nothing is said: %j',
    (yaml) => {
      expect(load(yaml)).toEqual(DEFAULTS);
    },
  );

  it.each<[yaml: string, key: string]>([
    ['listen: { port: -1 }', 'listen.port'],
    ['listen: { port: 65536 }', 'listen.port'],
    ['listen: { port: 80.5 }', 'listen.port'],
    ['listen: { port: "80" }', 'listen.port'],
    ['listen: { port: }', 'listen.port'],
    ['listen: { host: "" }', 'listen.host'],
    ['listen: { trusted_proxies: 10.0.0.1 }', 'listen.trusted_proxies'],
    ['listen: { trusted_proxies: [1] }', 'listen.trusted_proxies.0'],
    ['listen: { trusted_proxies: [nonsense] }', 'listen.trusted_proxies.0'],
    ['listen: { trusted_proxies: [10.0.0.0/33] }', 'listen.trusted_proxies.0'],
    ['presence: { grace: never }', 'presence.grace'],
    ['operator: { token: "with,comma,and,more" }', 'operator.token'],
    ['store: { kind: files }', 'store.kind'],
    ['store: { path: "" }', 'store.path'],
    ['store: { kind: postgres }', 'store.shards'],
    ['store: { kind: postgres, shards: [] }', 'store.shards'],
    ['store: { kind: postgres, shards: [db.example.org] }', 'store.shards.0'],
    ['store: { kind: postgres, shards: ["https://db.example.org/x"] }', 'store.shards.0'],
    ['store: { shards: ["postgres://db.example.org/x"] }', 'store.shards'],
    ['store: { pool: 0 }', 'store.pool'],
    ['store: { cache_records: 0 }', 'store.cache_records'],
    ['operator: { token: fifteen-letters }', 'operator.token'],
    ['log: { level: loud }', 'log.level'],
    ['samples: "yes"', 'samples'],
    ['limits: { writes: { burst: 0 } }', 'limits.writes.burst'],
    ['limits: { writes: { per_second: 0 } }', 'limits.writes.per_second'],
    ['limits: { failed_auth: { burst: 1.5 } }', 'limits.failed_auth.burst'],
    ['limits: { failed_auth: { per_second: .inf } }', 'limits.failed_auth.per_second'],
    ['limits: { contacts: 0 }', 'limits.contacts'],
    ['limits: { body_bytes: 0 }', 'limits.body_bytes'],
    ['presence: { idle_after: 300 }', 'presence.idle_after'],
    ['presence: { claim_ttl: soon }', 'presence.claim_ttl'],
    ['presence: { visibility: friends }', 'presence.visibility'],
    ['translation: { sticky: 1 }', 'translation.sticky'],
    ['metrics: { public: 1 }', 'metrics.public'],
  ])('%s is refused', (yaml, key) => {
    const problems = problemsOf(yaml);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^bridge\.yaml:1:\d+ /);
    expect(problems[0]?.split(' ')[1]).toBe(`${key}:`);
  });

  it.each(['postgres', 'sqlite'])('say that %s and store.shards do not go together', (kind) => {
    const shards = kind === 'sqlite' ? '[postgres://a/b]' : '[]';
    expect(problemsOf(`store:\n  kind: ${kind}\n  shards: ${shards}`)).toEqual([
      expect.stringMatching(/^bridge\.yaml:3:3 store\.shards: .* where store\.kind is postgres/),
    ]);
  });

  it('take the widest values that are allowed', () => {
    const settings = load(`
      listen: { port: 0, host: '::' }
      operator: { token: sixteen--letters }
      log: { level: silent }
      limits: { writes: { burst: 1, per_second: 0.01 }, contacts: 1, body_bytes: 1 }
      presence: { idle_after: never, claim_ttl: 0s, busy_ttl: never, grace: 1d, visibility: nobody }
    `);
    expect(settings.listen).toMatchObject({ port: 0, host: '::' });
    expect(settings.operator.token).toBe('sixteen--letters');
    expect(settings.limits.writes).toEqual({ burst: 1, per_second: 0.01 });
    expect(settings.presence).toEqual({
      idle_after: Infinity,
      claim_ttl: 0,
      busy_ttl: Infinity,
      grace: 86_400_000,
      visibility: 'nobody',
    });
  });
});

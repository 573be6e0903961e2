import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Much of the time is spent waiting for processes of their own.
    maxWorkers: '100%',
    execArgv: ['--import', new URL('load-typescript.js', import.meta.url).href],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: {
      provider: 'v8',
      // What the pure tests must reach; the rest is run by processes of its own.
      include: ['src/presence/**', 'src/protocols/**'],
      reporter: ['text-summary'],
      thresholds: {
        'src/presence/**': { lines: 95, branches: 95 },
        'src/protocols/**': { lines: 95, branches: 95 },
      },
    },
  },
});

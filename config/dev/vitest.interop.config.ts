import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/interop/synapse/**/*.synapse.ts', 'test/interop/plexichat/**/*.plexichat.ts'],
    pool: 'forks',
    execArgv: ['--import', new URL('load-typescript.js', import.meta.url).href],
    // Every file starts servers of its own, and most of its time is spent waiting for what takes time by nature.
    maxWorkers: 5,
    testTimeout: 180_000,
    hookTimeout: 300_000,
  },
});

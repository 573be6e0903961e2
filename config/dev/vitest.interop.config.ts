import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/interop/synapse/**/*.synapse.ts', 'test/interop/plexichat/**/*.plexichat.ts'],
    pool: 'forks',
    execArgv: ['--import', new URL('load-typescript.js', import.meta.url).href],
    // Every file starts servers of its own; one at a time leaves them the processor.
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});

import { afterAll, beforeAll, beforeEach, describe, onTestFailed } from 'vitest';
import type { World } from './world.ts';

/** Parts that build on each other, in one bridge and one Synapse, since they take long to start. */
export function inWorld(
  name: string,
  start: () => Promise<World>,
  tests: (world: () => World) => void,
): void {
  let shared: World | undefined;
  const world = (): World => {
    if (!shared) throw new Error('nothing was started');
    return shared;
  };

  describe(name, () => {
    beforeAll(async () => {
      shared = await start();
    });
    beforeEach(() => {
      onTestFailed(() => console.error([...world().bridge.output, ...world().synapse.output].join('\n')));
    });
    afterAll(() => shared?.[Symbol.asyncDispose]());

    tests(world);
  });
}

import { afterAll, beforeAll, beforeEach, describe, onTestFailed } from 'vitest';
import { outage } from './outage.ts';
import { quiet } from './quiet.ts';
import { restarts } from './restarts.ts';
import { tokens } from './tokens.ts';
import { words } from './words.ts';
import { World } from './world.ts';

let shared: World | undefined;

function world(): World {
  if (!shared) throw new Error('nothing was started');
  return shared;
}

/** One bridge and one Synapse for all, since they take long to start; the parts build on each other in this order. */
describe('a bridge and a Synapse', () => {
  beforeAll(async () => {
    shared = await World.start();
  });
  beforeEach(() => {
    onTestFailed(() => console.error([...world().bridge.output, ...world().synapse.output].join('\n')));
  });
  afterAll(() => shared?.[Symbol.asyncDispose]());

  words(world);
  tokens(world);
  quiet(world);
  restarts(world);
  outage(world);
});

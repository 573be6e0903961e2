import { inWorld } from './in-world.ts';
import { restarts } from './restarts.ts';
import { tokens } from './tokens.ts';
import { words } from './words.ts';
import { World } from './world.ts';

inWorld(
  'a bridge and a Synapse',
  () => World.start(),
  (world) => {
    words(world);
    tokens(world);
    restarts(world);
  },
);

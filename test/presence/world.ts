import type { NetworkName } from '../../src/presence/identity.ts';
import { fakeNetwork, makeBridge } from '../helpers/bridge.ts';
import type { TestBridgeOptions } from '../helpers/bridge.ts';
import { LOUD, QUIET } from './dialects.ts';

/** The network whose people get allocated stand-ins on it, `loud-1`, `loud-2`, … */
export const loud = fakeNetwork(LOUD);
/** The network whose stand-ins are computed, `quiet-of-<loud id>`. */
export const quiet = fakeNetwork(QUIET, 'derived');

export const on = (network: NetworkName) => (id: string) => ({ network, id });
export const onLoud = on(LOUD);
export const onQuiet = on(QUIET);

/** The core with one network of each kind. */
export function makeWorld(options: Partial<TestBridgeOptions> = {}) {
  const bridge = makeBridge({ networks: [loud, quiet], ...options });
  /** A person with these accounts; each later than the one before. */
  async function born(loudId: string | null, quietId: string | null, profile = {}) {
    bridge.clock.advance(1000);
    const own = [
      ...(loudId === null ? [] : [onLoud(loudId)]),
      ...(quietId === null ? [] : [onQuiet(quietId)]),
    ];
    return (await bridge.person(own, profile)).person;
  }
  return { ...bridge, born };
}

export type World = ReturnType<typeof makeWorld>;

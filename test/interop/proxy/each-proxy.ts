import { describe, expect, it } from 'vitest';
import type { ProxyKind } from './proxies.ts';
import { PROXIES } from './proxies.ts';

/** The tests behind each proxy that is on this machine. With `PROXY_INTEROP=required` one that is not fails them. */
export function behindEachProxy(
  tests: (kind: ProxyKind) => void,
  kinds: readonly ProxyKind[] = PROXIES,
): void {
  for (const kind of kinds) {
    const here = kind.isHere();
    if (!here && process.env['PROXY_INTEROP'] === 'required') {
      it(`${kind.name} is on this machine`, () => expect.unreachable());
    }
    describe.skipIf(!here)(`behind ${kind.name}`, () => tests(kind));
  }
}

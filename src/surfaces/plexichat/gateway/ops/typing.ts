import type { GatewaySession } from '../session.ts';

/** Ops 40 and 41. There are no channels here, but who types is at work. */
export async function typing({ lease }: GatewaySession): Promise<void> {
  await lease.act();
}

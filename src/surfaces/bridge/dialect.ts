import type { Dialect } from '../../presence/dialect.ts';
import { BRIDGE } from '../../presence/record.ts';

/** The bridge's own words: every mode but chat, which is a shade of online. */
export const bridgeDialect: Dialect = {
  origin: BRIDGE,
  words: {
    online: 'online',
    chat: 'online',
    idle: 'idle',
    dnd: 'dnd',
    invisible: 'invisible',
    offline: 'offline',
  },
  see: (status) => ({ text: status?.text ?? null, emoji: status?.emoji ?? null }),
};

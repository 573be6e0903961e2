import type { NetworkName, PersonId } from '../../src/presence/identity.ts';
import type { PresenceRecord } from '../../src/presence/record.ts';
import { BLANK } from '../../src/presence/record.ts';

/** A record told apart by its version. */
export function recordOf(version: number, changes: Partial<PresenceRecord> = {}): PresenceRecord {
  return { ...BLANK, lastActivity: version * 1000, ...changes, version };
}

/** Every facet filled, with text that a store might spoil. */
export const FULL_RECORD: PresenceRecord = {
  version: 1,
  claim: {
    mode: 'invisible',
    origin: 'left' as NetworkName,
    at: 1_767_225_600_123,
    activeAt: 1_767_225_600_124,
    expiresAt: 1_767_229_200_000,
  },
  sessions: [
    {
      id: 'phone \0',
      origin: 'left' as NetworkName,
      mode: 'chat',
      lastActivity: 1_767_225_600_000,
      endsAt: 1_767_225_700_000,
    },
  ],
  feeds: [
    {
      origin: 'right' as NetworkName,
      mode: 'dnd',
      status: { text: 'nul\0', emoji: null },
      endsAt: 1_767_225_800_000,
      written: { mode: 'idle', at: 1_767_225_600_001 },
    },
  ],
  settledAt: 2 ** 45,
  status: {
    text: 'tab\t, line\n, nul\0, "quote", 🙂',
    emoji: ':wave:',
    origin: 'bridge',
    expiresAt: 2 ** 45,
  },
  lastActivity: 1_767_225_600_456,
  veil: {
    lastActivity: null,
    status: { text: null, emoji: '👋🏽', origin: 'right' as NetworkName, expiresAt: null },
    sealed: true,
  },
};

export function personId(text: string): PersonId {
  return text as PersonId;
}

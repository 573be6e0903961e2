import type { Settings } from './options.ts';
import type { Status, StoredPresence } from './presence-rows.ts';
import { isStatus, PresenceRows } from './presence-rows.ts';
import type { PutBody } from './put-body.ts';
import { cutEmoji } from './put-body.ts';
import type { Relations } from './relations.ts';

const PRESENCES_INTENT = 256;
const ACTIVITIES: readonly unknown[] = [
  'playing',
  'streaming',
  'listening',
  'watching',
  'competing',
  'custom',
];
const HIDDEN: StoredPresence = { status: 'offline', text: null, emoji: null, lastSeen: 0 };

/** An event of the gateway; `json` is the text of `d`. */
export interface GatewayEvent {
  readonly type: string;
  /** The bit a session needs; 0 for events that are never filtered. */
  readonly intent: number;
  readonly json: string;
}

/** The live connections, as the rest of the server knows them. */
export interface Hub {
  dispatch(userId: string, event: GatewayEvent): void;
  connectionsOf(userId: string): number;
}

/** What a change claims about text and emoji; op 3 relays anything. */
interface Claimed {
  readonly text: unknown;
  readonly emoji: unknown;
}

const NOTHING: Claimed = { text: null, emoji: null };

/** Every way to change a presence, and every way to see one (contract §1, §2, §3.6). */
export class Presence {
  readonly rows: PresenceRows;
  readonly #settings: Settings;
  readonly #relations: Relations;
  readonly #hub: Hub;
  /** Users' own clients that have no socket here. */
  readonly #elsewhere = new Map<string, number>();

  constructor(settings: Settings, relations: Relations, hub: Hub) {
    this.rows = new PresenceRows(settings);
    this.#settings = settings;
    this.#relations = relations;
    this.#hub = hub;
  }

  /** False when the database refused the second half: the status is changed, and nobody was told. */
  put(id: string, { status, text, emoji }: PutBody): boolean {
    const { defects } = this.#settings;
    const before = this.rows.stored(id);
    this.rows.setStatus(id, status);
    if (text === null && emoji !== null && emoji !== '') {
      if (defects.emojiAloneFails) return false;
      this.rows.setCustom(id, before.text ?? '', cutEmoji(emoji));
    } else if (text === '' ? !emoji : text === null && emoji === '') this.rows.clearCustom(id);
    else if (text !== null) this.rows.setCustom(id, text, cutEmoji(emoji));
    this.#announce(id, before, { text, emoji }, this.#relations.audience(id));
    return true;
  }

  /** Op 3: nothing is answered, whatever is wrong with it. */
  update(id: string, d: unknown): void {
    if (typeof d !== 'object' || d === null || Array.isArray(d) || Object.keys(d).length === 0) return;
    const fields: Record<string, unknown> = { status: 'online', ...d };
    const { status, custom_status: text = null, custom_emoji: emoji = null } = fields;
    if (!isStatus(status)) return;
    const before = this.rows.stored(id);
    this.rows.setStatus(id, status);
    if (isBadActivity(fields['activities'])) return;
    if (!this.#settings.defects.op3TextNotStored && typeof text === 'string') {
      this.rows.setCustom(id, text, typeof emoji === 'string' ? emoji : null);
    }
    this.#announce(id, before, { text, emoji }, this.#relations.audience(id));
  }

  /** IDENTIFY. */
  connected(id: string): void {
    const before = this.rows.stored(id);
    const { identifySetsOnline } = this.#settings.defects;
    if (!identifySetsOnline && before.status !== 'offline') return;
    this.rows.setStatus(id, 'online');
    this.#announce(id, before, NOTHING, this.#relations.audience(id));
  }

  /** A socket of hers is gone, and it was not the server that closed it. */
  disconnected(id: string): void {
    const { anyCloseSetsOffline, lonelyStaysOnline } = this.#settings.defects;
    const open = this.#hub.connectionsOf(id) + (this.#elsewhere.get(id) ?? 0);
    if (!anyCloseSetsOffline && open > 0) return;
    const audience = this.#relations.freshAudience(id);
    if (lonelyStaysOnline && audience.length === 0) return;
    const before = this.rows.stored(id);
    this.rows.setStatus(id, 'offline');
    this.#announce(id, before, NOTHING, audience);
  }

  /** Her own client, somewhere else, comes (+1) or goes (-1). */
  clientElsewhere(id: string, change: 1 | -1): void {
    this.#elsewhere.set(id, Math.max(0, (this.#elsewhere.get(id) ?? 0) + change));
    if (change === 1) this.connected(id);
    else this.disconnected(id);
  }

  /** What GET answers `viewer` with. */
  view(id: string, viewer: string): StoredPresence {
    const row = this.rows.read(id);
    if (id === viewer) return row;
    if (this.#relations.areBlocked(id, viewer)) return HIDDEN;
    if (row.status !== 'invisible') return row;
    return this.#settings.dialect.invisibleReadable ? { ...row, status: 'offline' } : HIDDEN;
  }

  /** The status in lists, where blocks and `invisible` hide. */
  listed(id: string, viewer: string): Status {
    return this.view(id, viewer).status;
  }

  #announce(id: string, before: StoredPresence, claimed: Claimed, audience: readonly string[]): void {
    const { defects } = this.#settings;
    const after = this.rows.stored(id);
    if (!defects.eventsRepeat && sameForOthers(before, after)) return;
    const { text, emoji } = defects.eventsCarryRequest ? claimed : after;
    const leaks = after.status !== 'invisible' || defects.invisibleLeaksText;
    const json = JSON.stringify({
      user_id: id,
      status: shown(after.status),
      custom_status: leaks ? text : null,
      custom_emoji: leaks ? emoji : null,
    });
    for (const other of audience) {
      this.#hub.dispatch(other, { type: 'PRESENCE_UPDATE', intent: PRESENCES_INTENT, json });
    }
  }
}

function shown(status: Status): Status {
  return status === 'invisible' ? 'offline' : status;
}

function sameForOthers(a: StoredPresence, b: StoredPresence): boolean {
  return shown(a.status) === shown(b.status) && a.text === b.text && a.emoji === b.emoji;
}

/** What makes the server store the status and then fail before it tells anybody. */
function isBadActivity(activities: unknown): boolean {
  if (activities === undefined || activities === null) return false;
  if (!Array.isArray(activities)) return true;
  const first: unknown = activities[0];
  if (first === undefined) return false;
  if (typeof first !== 'object' || first === null) return true;
  return !('type' in first && ACTIVITIES.includes(first.type) && 'name' in first);
}

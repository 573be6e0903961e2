import type { Clock } from '../../../src/presence/clock.ts';

/** What the real server does wrong. All are on unless a test switches one off. */
export interface Defects {
  /** An emoji without a text answers 500; the status stays changed, nobody is told. */
  readonly emojiAloneFails: boolean;
  /** PRESENCE_UPDATE carries the fields of the request, not the stored state. */
  readonly eventsCarryRequest: boolean;
  /** PRESENCE_UPDATE of `invisible` carries the text and emoji given with it. */
  readonly invisibleLeaksText: boolean;
  /** A write that changes nothing for others is sent all the same. */
  readonly eventsRepeat: boolean;
  /** Blocked people in a shared guild get each other's events. */
  readonly eventsIgnoreBlocks: boolean;
  /** Who is told of a change is remembered for 15 s. */
  readonly staleAudience: boolean;
  /** IDENTIFY overwrites idle, dnd and invisible with online. */
  readonly identifySetsOnline: boolean;
  /** The first socket that closes sets its user offline although others are open. */
  readonly anyCloseSetsOffline: boolean;
  /** A socket that the server closes leaves its user as she was. */
  readonly serverCloseKeepsStatus: boolean;
  /** A user without friend or guild is never set offline. */
  readonly lonelyStaysOnline: boolean;
  /** Op 8 shows `invisible` and ignores blocks. */
  readonly membersChunkIsRaw: boolean;
  /** Text and emoji of op 3 are relayed but not stored. */
  readonly op3TextNotStored: boolean;
  /** Above 120 dispatches in 60 s a connection loses events without a gap in `s`. */
  readonly dispatchesCapped: boolean;
  /** Events during a disconnect are not kept for RESUME. */
  readonly gapLost: boolean;
  /** `GET /relationships/@me` is 60 s old, `GET /servers/{id}/members` 30 s. */
  readonly staleLists: boolean;
  /** An owner and her bots share one slot of the 60 s cache of `GET /users/@me`. */
  readonly meCacheShared: boolean;
  /** Ids of 2^63 and above answer 500. */
  readonly hugeIdFails: boolean;
  /** SECURITY_ALERT carries the user id as a JSON number. */
  readonly idsAsNumbers: boolean;
}

export type DefectName = keyof Defects;

const ALL_DEFECTS: Defects = {
  emojiAloneFails: true,
  eventsCarryRequest: true,
  invisibleLeaksText: true,
  eventsRepeat: true,
  eventsIgnoreBlocks: true,
  staleAudience: true,
  identifySetsOnline: true,
  anyCloseSetsOffline: true,
  serverCloseKeepsStatus: true,
  lonelyStaysOnline: true,
  membersChunkIsRaw: true,
  op3TextNotStored: true,
  dispatchesCapped: true,
  gapLost: true,
  staleLists: true,
  meCacheShared: true,
  hugeIdFails: true,
  idsAsNumbers: true,
};

export interface PlexichatServerOptions {
  /** Turns every window, heartbeat, cache and age of a session. */
  readonly clock: Clock;
  /** Unit of every time on the wire; the running server says ms, its documentation s. */
  readonly timestamps?: 'ms' | 's';
  /** `head` is the server that was measured, `a49` the one that the public documentation describes. */
  readonly dialect?: 'head' | 'a49';
  /** With the cache server, replies show the previous custom status for up to 300 s or until the next status write. */
  readonly cacheServer?: boolean;
  /** Wanted in `X-API-Access-Token` by REST, never by the gateway. */
  readonly accessToken?: string;
  /** In `X-RateLimit-Bypass` it skips the HTTP limiter, not the cap on verifications. */
  readonly bypassSecret?: string;
  /** `false` hides the texts of the database from 500 replies. */
  readonly debug?: boolean;
  /** Token verifications per 60 s and address. */
  readonly verificationsPerMinute?: number;
  readonly defects?: Partial<Defects>;
}

/** What the two versions do differently. */
export interface Dialect {
  readonly maxIntents: number;
  readonly defaultIntents: number;
  /** Requests per 60 s and address. */
  readonly requestsPerMinute: number;
  readonly build: number;
  /** GET of an invisible user shows others her text, emoji and last_seen. */
  readonly invisibleReadable: boolean;
  /** After RESUME counting goes on from the client's number, even when it is lower. */
  readonly seqFromClient: boolean;
}

const DIALECTS = {
  head: {
    maxIntents: 1_900_543,
    defaultIntents: 1_081_085,
    requestsPerMinute: 120,
    build: 132,
    invisibleReadable: false,
    seqFromClient: false,
  },
  a49: {
    maxIntents: 65_535,
    defaultIntents: 32_509,
    requestsPerMinute: 80,
    build: 49,
    invisibleReadable: true,
    seqFromClient: true,
  },
} satisfies Record<string, Dialect>;

export interface Settings {
  readonly clock: Clock;
  readonly dialect: Dialect;
  readonly cacheServer: boolean;
  readonly debug: boolean;
  readonly accessToken: string | null;
  readonly bypassSecret: string | null;
  readonly verificationsPerMinute: number;
  readonly defects: Defects;
  /** A time in ms as the wire shows it. */
  wireTime(ms: number): number;
}

export function settingsOf(options: PlexichatServerOptions): Settings {
  const seconds = options.timestamps === 's';
  return {
    clock: options.clock,
    dialect: DIALECTS[options.dialect ?? 'head'],
    cacheServer: options.cacheServer ?? false,
    debug: options.debug ?? true,
    accessToken: options.accessToken ?? null,
    bypassSecret: options.bypassSecret ?? null,
    verificationsPerMinute: options.verificationsPerMinute ?? 100,
    defects: { ...ALL_DEFECTS, ...options.defects },
    wireTime: (ms) => (seconds ? Math.floor(ms / 1000) : ms),
  };
}

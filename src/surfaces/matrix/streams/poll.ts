import type { Clock } from '../../../presence/clock.ts';
import type { Cursor } from './cursor.ts';
import type { Entry, Stream } from './stream.ts';

/** From where a reader goes on. */
export interface Start {
  /** Changes after this position are told; Infinity for none. */
  readonly after: number;
  /** Tells also how everybody is, and does so at once. */
  readonly whole: boolean;
}

/** What of it the reader wants. */
export interface Wish {
  readonly wants: (entry: Entry) => boolean;
  /** Whether somebody is worth telling of who has not changed. */
  readonly worthTelling: (entry: Entry) => boolean;
  /** The most entries at once; the rest comes with the next poll. */
  readonly limit: number;
}

export interface Batch {
  readonly entries: readonly Entry[];
  /** Where to go on from. */
  readonly next: Cursor;
}

/** Without a cursor: how everybody is. With one that is lost: everything, so that what was missed is made up for. */
export function startOf(stream: Stream, since: Cursor | null, whole: boolean): Start {
  if (since === null) return { after: Infinity, whole: true };
  return { after: stream.locate(since) ?? -1, whole };
}

/** Reads what there is; when that is nothing, holds until there is something, `timeoutMs` have passed or the reader has gone. */
export async function poll(
  stream: Stream,
  start: Start,
  wish: Wish,
  { clock, timeoutMs, gone }: { clock: Clock; timeoutMs: number; gone: AbortSignal },
): Promise<Batch> {
  const until = clock.now() + timeoutMs;
  for (;;) {
    const batch = read(stream, start, wish);
    const left = until - clock.now();
    if (batch.entries.length > 0 || start.whole || left <= 0 || gone.aborted || stream.ended) return batch;
    await stream.moved(left, gone);
  }
}

function read(stream: Stream, { after, whole }: Start, { wants, worthTelling, limit }: Wish): Batch {
  const wanted = stream
    .entries()
    .filter((entry) => (entry.at > after || (whole && worthTelling(entry))) && wants(entry));
  const entries = wanted.slice(0, limit);
  const last = wanted.length > limit ? entries.at(-1) : undefined;
  return { entries, next: stream.cursorAt(last?.at ?? stream.position) };
}

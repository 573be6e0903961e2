import type { Clock } from '../../../presence/clock.ts';
import type { Cursor } from './cursor.ts';
import type { Entry, Stream } from './stream.ts';

/** From where a reader goes on. */
export interface Start {
  /** Changes after this position are told; Infinity for none. */
  readonly after: number;
  /** Among whom they may be. */
  readonly among: (entry: Entry) => boolean;
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

const everybody = () => true;

/**
 * Without a cursor: how everybody is. With one that this stream does not know, from another node or from before a restart:
 * how everybody is who may have changed since, so that what was missed is made up for.
 */
export function startOf(stream: Stream, since: Cursor | null, whole: boolean): Start {
  if (since === null) return { after: Infinity, among: everybody, whole: true };
  const after = stream.locate(since);
  if (after !== null) return { after, among: everybody, whole };
  if (since.digest === null) return { after: -1, among: everybody, whole };
  const changed = stream.changesSince(since.digest);
  const here = stream.position;
  return { after: -1, among: (entry) => entry.at > here || changed(entry), whole };
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

function read(stream: Stream, { after, among, whole }: Start, { wants, worthTelling, limit }: Wish): Batch {
  const wanted = stream
    .entries()
    .filter((entry) => (entry.at > after && among(entry)) || (whole && worthTelling(entry)))
    .filter(wants);
  const entries = wanted.slice(0, limit);
  const last = wanted.length > limit ? entries.at(-1) : undefined;
  return { entries, next: stream.cursorAt(last?.at ?? stream.position) };
}

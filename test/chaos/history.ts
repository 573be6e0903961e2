/**
 * What clients did and saw at several nodes, held against the order in which the store committed it. Times are ticks of one
 * counter over all events, so that "before" is exact; `ms` are wall-clock.
 */

/** A PUT whose text nobody else ever writes. */
export interface Write {
  readonly person: string;
  readonly node: string;
  readonly text: string;
  readonly sent: number;
  /** Null when no 200 came: it may be done or not. */
  acknowledged: { readonly tick: number; readonly ms: number } | null;
}

/** A GET that was answered; a null text is that of somebody who has none yet. */
export interface Read {
  readonly person: string;
  readonly node: string;
  readonly text: string | null;
  readonly sent: number;
  readonly sentMs: number;
  readonly answered: number;
}

/**
 * What one watcher was told of one person, in order; `fresh` begins a stream at another node, which may repeat what is known,
 * and may not know yet what the one before did.
 */
export interface Told {
  readonly watcher: string;
  readonly person: string;
  readonly text: string;
  readonly fresh: boolean;
  readonly ms: number;
}

/** One change of a record, in the order of commits. */
export interface Commit {
  readonly person: string;
  readonly version: number;
  readonly text: string | null;
}

export interface History {
  readonly writes: readonly Write[];
  readonly reads: readonly Read[];
  readonly told: readonly Told[];
  readonly commits: readonly Commit[];
  /** For how long a node may not know what another one has acknowledged, ms. */
  readonly staleMs: number;
}

/** Everything in which the history breaks a promise, in words; empty when it keeps them all. */
export function brokenPromises(history: History): string[] {
  const people = new Set(history.commits.map(({ person }) => person));
  for (const { person } of [...history.writes, ...history.reads, ...history.told]) people.add(person);
  return [...people].flatMap((person) => {
    const its = <T extends { readonly person: string }>(all: readonly T[]) =>
      all.filter((each) => each.person === person);
    const order = orderOf(its(history.commits));
    const writes = its(history.writes);
    return [
      ...versions(person, its(history.commits)),
      ...durability(writes, order),
      ...realTime(writes, order),
      ...reads(its(history.reads), writes, order, history.staleMs),
      ...watching(its(history.told), writes, order, history.staleMs),
    ];
  });
}

/** The same without a trace of what the store has lost since it was acknowledged: watchers then begin anew. */
export function survivingPart(history: History): { part: History; lost: readonly Write[] } {
  const kept = new Set(history.commits.map(({ text }) => text));
  const survives = ({ text }: { readonly text: string | null }) => text === null || kept.has(text);
  const lost = history.writes.filter((write) => write.acknowledged && !survives(write));
  const undone = new Set<string>();
  const told: Told[] = [];
  for (const each of history.told) {
    const stream = `${each.watcher} ${each.person}`;
    if (survives(each)) told.push(undone.delete(stream) ? { ...each, fresh: true } : each);
    else undone.add(stream);
  }
  const [writes, reads] = [history.writes.filter(survives), history.reads.filter(survives)];
  return { part: { ...history, writes, reads, told }, lost };
}

/** The version that each text has been committed with, and the newest. */
interface Order {
  readonly of: ReadonlyMap<string | null, number>;
  readonly last: string | null;
}

function orderOf(commits: readonly Commit[]): Order {
  const of = new Map<string | null, number>([[null, 0]]);
  // A text stays over later changes of other things: what tells it from the one before is where it began.
  for (const { text, version } of commits) if (!of.has(text)) of.set(text, version);
  return { of, last: commits.at(-1)?.text ?? null };
}

function versions(person: string, commits: readonly Commit[]): string[] {
  return commits.flatMap(({ version }, index) => {
    const before = commits[index - 1]?.version ?? 0;
    return version === before + 1 ? [] : [`${person}: version ${version} follows ${before}`];
  });
}

function durability(writes: readonly Write[], { of }: Order): string[] {
  return writes
    .filter(({ acknowledged, text }) => acknowledged && !of.has(text))
    .map(({ text, node }) => `${text}: acknowledged by ${node} and never committed`);
}

/** Whatever was acknowledged before another write was sent is older than that. */
function realTime(writes: readonly Write[], { of }: Order): string[] {
  const done = writes.filter(({ text }) => of.has(text));
  return done.flatMap((later) =>
    done
      .filter(({ acknowledged }) => acknowledged && acknowledged.tick < later.sent)
      .filter((earlier) => versionOf(of, earlier.text) >= versionOf(of, later.text))
      .map(
        (earlier) => `${earlier.text}: acknowledged before ${later.text} was sent, and committed after it`,
      ),
  );
}

function reads(all: readonly Read[], writes: readonly Write[], { of }: Order, staleMs: number): string[] {
  return all.flatMap((read) => {
    const { node, text } = read;
    const version = of.get(text);
    const where = `${read.person} at ${node} reads ${String(text)}`;
    if (version === undefined) return [`${where}, which was never committed`];
    const source = writes.find((write) => write.text === text);
    const problems: string[] = [];
    if (source && source.sent > read.answered) problems.push(`${where} before it was written`);
    for (const write of writes) {
      if (!write.acknowledged || versionOf(of, write.text) <= version) continue;
      const { tick, ms } = write.acknowledged;
      if (write.node === node && tick < read.sent)
        problems.push(`${where}, though ${write.text} was acknowledged there`);
      else if (ms + staleMs < read.sentMs)
        problems.push(`${where}, though ${write.text} was acknowledged more than ${staleMs} ms before`);
    }
    for (const other of all) {
      const isEarlier = other.node === node && other.answered < read.sent;
      if (isEarlier && (of.get(other.text) ?? 0) > version)
        problems.push(`${where} after ${String(other.text)}`);
    }
    return problems;
  });
}

function watching(
  told: readonly Told[],
  writes: readonly Write[],
  { of, last }: Order,
  staleMs: number,
): string[] {
  const watchers = new Set(told.map(({ watcher }) => watcher));
  return [...watchers].flatMap((watcher) => {
    const its = told.filter((each) => each.watcher === watcher);
    const problems = its.flatMap(({ text, fresh, ms }, index) => {
      const version = of.get(text);
      if (version === undefined) return [`${watcher} is told ${text}, which was never committed`];
      const before = its[index - 1];
      const known = before ? (of.get(before.text) ?? 0) : 0;
      if (fresh) {
        const missed = newest(writes, of, ms - staleMs);
        return missed.version > version
          ? [`${watcher} begins anew with ${text}, more than ${staleMs} ms after ${missed.text}`]
          : [];
      }
      if (version > known) return [];
      return [`${watcher} is told ${text} after ${String(before?.text)}`];
    });
    const final = its.at(-1)?.text ?? null;
    return final === last
      ? problems
      : [...problems, `${watcher} ends with ${String(final)}, not ${String(last)}`];
  });
}

/** Of what was acknowledged before that time. */
function newest(writes: readonly Write[], of: Order['of'], ms: number): { version: number; text: string } {
  let found = { version: 0, text: '' };
  for (const { acknowledged, text } of writes) {
    const version = versionOf(of, text);
    if (acknowledged && acknowledged.ms < ms && version > found.version) found = { version, text };
  }
  return found;
}

function versionOf(of: Order['of'], text: string): number {
  return of.get(text) ?? Infinity;
}

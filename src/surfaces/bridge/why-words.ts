import type { Mode } from '../../presence/record.ts';
import type { Deadline, Grounds } from '../../presence/why.ts';

const DEADLINES: Readonly<Record<Deadline['what'], string>> = {
  'claim ends': 'what she said holds only while she is connected',
  'claim expires': 'what she said is over, as she said',
  'claim idles': 'what she said counts as idle, unless she is active',
  'session ends': 'a connection ends, unless it says something',
  'session idles': 'a connection counts as idle, unless she is active',
  'feed ends': 'what a server said of her is believed no more, unless it is said again',
  'status ends': 'her status text ends',
};

/** The grounds as sentences, what decided first. `null`: they are not to be told. */
export function reasons(grounds: Grounds | null, mode: Mode): string[] {
  if (!grounds) return ['She left by her own word, and it is hers alone to say more.'];
  const { claim, sessions, feeds } = grounds;
  return [
    ruleWords(grounds, mode),
    ...(claim ? [claimWords(claim)] : []),
    ...sessions.map(
      ({ origin, mode: says, lastActivity, endsAt }) =>
        `A connection of ${origin} says ${says}; last active ${time(lastActivity)}, it lasts until ${time(endsAt)}.`,
    ),
    ...feeds.map(
      ({ origin, mode: says, endsAt }) =>
        `The server of ${origin} says ${says}; that is believed until ${time(endsAt)}.`,
    ),
    ...grounds.deadlines.map(({ at, what }) => `At ${time(at)} ${DEADLINES[what]}.`),
  ];
}

function ruleWords({ rule, claim }: Grounds, mode: Mode): string {
  switch (rule) {
    case 'said':
      return `She is ${mode} because she said so.`;
    case 'connected':
      return `She is ${mode} because a connection of hers says so.`;
    case 'best':
      return `She is ${mode}: the best of what she and her connections say.`;
    case 'nothing':
      return claim
        ? 'She is offline: no connection is left, and what she said has lapsed.'
        : 'She is offline: no connection says otherwise, and neither did she.';
  }
}

function claimWords({ mode, origin, at, endsAt, holds }: NonNullable<Grounds['claim']>): string {
  const until = endsAt === null ? 'for good' : `until ${time(endsAt)}`;
  const rest = holds ? `which holds by itself ${until}` : `which has held by itself ${until}`;
  return `At ${time(at)} she said ${mode} through ${origin}, ${rest}.`;
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

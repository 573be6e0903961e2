import fc from 'fast-check';
import type { Dialect } from '../../src/presence/dialect.ts';
import type { Mode, SeenStatus, SessionMode } from '../../src/presence/record.ts';
import type { ExplicitWrite, StatusEdit } from '../../src/presence/reduce.ts';
import type { Signal } from '../../src/presence/signal.ts';
import { MODERN, V1 } from '../../src/protocols/matrix/dialect.ts';
import { plexichatDialect } from '../../src/protocols/plexichat/codec.ts';
import { bridgeDialect } from '../../src/surfaces/bridge/dialect.ts';

const DIALECTS = {
  plexichat: plexichatDialect,
  bridge: bridgeDialect,
  v1: V1,
  modern: MODERN,
} satisfies Record<string, Dialect>;
type Tongue = keyof typeof DIALECTS;

/** Una: nobody at the homeserver but a stand-in, or a user there whose account is mirrored, with a token held. */
export type Kind = 'unlinked' | 'linked';
export type Name = 'una' | 'pat' | 'liz' | 'max';

/** A write on the bridge. */
export interface Write {
  readonly kind: 'write';
  readonly who: Name;
  readonly by: Tongue;
  readonly mode: Mode;
  readonly status: StatusEdit;
  /** How long its status lasts, ms; absent: for ever. */
  readonly lastsMs?: number | undefined;
}

/** What a connection to the bridge says, or that it ends; `ms` is how long its lease goes on. */
export interface Connection {
  readonly kind: 'session' | 'session-end';
  readonly who: Name;
  readonly by: 'plexichat' | 'modern';
  readonly id: string;
  readonly mode: SessionMode;
  readonly active: boolean;
  readonly ms: number;
}

export type Deed =
  | Write
  | Connection
  /** What she does by a client of her own on a real server. */
  | {
      readonly kind: 'homeserver';
      readonly who: Name;
      readonly presence: string;
      readonly text: string | null;
    }
  | {
      readonly kind: 'server';
      readonly who: Name;
      readonly mode: Mode;
      readonly said?: Partial<SeenStatus> | undefined;
    }
  /** Another token of hers is seen, or her profile is written as it is. */
  | { readonly kind: 'token' | 'edit'; readonly who: Name };

/** What goes wrong, or right again: a server out of reach, or one that takes no writes. */
export type Trouble = 'homeserver' | 'server' | 'limits' | 'writes';

export type PushesStep =
  | Deed
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'trouble'; readonly of: Trouble }
  | { readonly kind: 'restart' };

export interface PushesHistory {
  readonly kind: Kind;
  /** What happens in both worlds, with Una visible. */
  readonly before: readonly PushesStep[];
  readonly leave: { readonly by: 'plexichat' | 'bridge'; readonly saying: StatusEdit };
  /** Rounds of: Una acts (in world A only), others act and time passes (in both). */
  readonly after: readonly { readonly unseen: readonly Deed[]; readonly seen: readonly PushesStep[] }[];
}

export function writeOf({ by, mode, status, lastsMs }: Write, now: number): ExplicitWrite {
  const expires = lastsMs !== undefined && status.kind === 'set';
  return { dialect: DIALECTS[by], mode, status: expires ? { ...status, expiresAt: now + lastsMs } : status };
}

export function signalOf({ kind, by, id, mode, active, ms }: Connection, now: number): Signal {
  const { origin } = DIALECTS[by];
  const endsAt = now + ms;
  return kind === 'session' ? { kind, id, origin, mode, active, endsAt } : { kind, id, origin, endsAt };
}

const text = fc.constantFrom('lunch', 'in a meeting', '💻 Working');
const edit: fc.Arbitrary<StatusEdit> = fc.oneof(
  fc.constantFrom<StatusEdit>({ kind: 'keep' }, { kind: 'clear' }, { kind: 'clear-own' }),
  fc.record({ kind: fc.constant('set' as const), text, emoji: fc.constantFrom(null, '🔥') }),
);

function write(who: fc.Arbitrary<Name>, by: readonly Tongue[], mode: readonly Mode[]): fc.Arbitrary<Deed> {
  return fc.record({
    kind: fc.constant('write' as const),
    who,
    by: fc.constantFrom(...by),
    mode: fc.constantFrom(...mode),
    status: edit,
    lastsMs: fc.constantFrom(undefined, 1, 20_000, 130_000),
  });
}

function connection(who: fc.Arbitrary<Name>): fc.Arbitrary<Deed> {
  return fc.record({
    kind: fc.constantFrom('session' as const, 'session' as const, 'session-end' as const),
    who,
    by: fc.constantFrom('plexichat' as const, 'modern' as const),
    id: fc.constantFrom('phone', 'desk'),
    mode: fc.constantFrom<SessionMode>('online', 'idle', 'dnd', 'chat'),
    active: fc.boolean(),
    ms: fc.constantFrom(0, 30_000, 200_000),
  });
}

function atHomeserver(who: fc.Arbitrary<Name>): fc.Arbitrary<Deed> {
  return fc.record({
    kind: fc.constant('homeserver' as const),
    who,
    presence: fc.constantFrom('online', 'unavailable', 'offline'),
    text: fc.option<string>(text),
  });
}

function atServer(who: fc.Arbitrary<Name>): fc.Arbitrary<Deed> {
  return fc.record({
    kind: fc.constant('server' as const),
    who,
    mode: fc.constantFrom<Mode>('online', 'idle', 'dnd', 'offline'),
    said: fc.option(fc.record({ text }), { nil: undefined }),
  });
}

const aside = (who: fc.Arbitrary<Name>): fc.Arbitrary<Deed> =>
  fc.record({ kind: fc.constantFrom('token' as const, 'edit' as const), who });

const una = fc.constant<Name>('una');
const others = fc.constantFrom<Name>('pat', 'liz', 'max');
const VISIBLE = ['online', 'chat', 'idle', 'dnd', 'offline'] as const;

const wait = fc
  .oneof(fc.constantFrom(1, 999, 16_667, 25_000, 60_000, 180_000, 240_000, 600_000), fc.nat(120_000))
  .map((ms): PushesStep => ({ kind: 'wait', ms: Math.max(1, ms) }));
const trouble = fc.constantFrom<PushesStep>(
  { kind: 'trouble', of: 'homeserver' },
  { kind: 'trouble', of: 'server' },
  { kind: 'trouble', of: 'limits' },
  { kind: 'trouble', of: 'writes' },
  { kind: 'restart' },
);

function visible(who: fc.Arbitrary<Name>): fc.Arbitrary<Deed> {
  const tongues = ['plexichat', 'bridge', 'v1', 'modern'] as const;
  return fc.oneof(
    { weight: 4, arbitrary: write(who, tongues, VISIBLE) },
    connection(who),
    atHomeserver(who),
    atServer(who),
    aside(who),
  );
}

/** All that Una can do while she stays out of sight; once she said offline she says nothing that brings her back. */
const hidden = fc.oneof(
  { weight: 2, arbitrary: write(una, ['plexichat', 'bridge'], ['invisible']) },
  { weight: 2, arbitrary: write(una, ['v1', 'modern'], VISIBLE) },
  connection(una),
  atHomeserver(una),
  atServer(una),
  aside(una),
);
const gone = fc.oneof(
  write(una, ['plexichat', 'bridge'], ['invisible', 'offline']),
  write(una, ['v1', 'modern'], ['offline']),
  aside(una),
);

const round = (unseen: fc.Arbitrary<Deed>) =>
  fc.record({
    unseen: fc.array(unseen, { maxLength: 4 }),
    seen: fc.array(fc.oneof({ weight: 3, arbitrary: wait }, trouble, visible(others)), { maxLength: 3 }),
  });

export const histories: fc.Arbitrary<PushesHistory> = fc
  .record({
    kind: fc.constantFrom<Kind>('unlinked', 'linked'),
    before: fc.array(
      fc.oneof({ weight: 2, arbitrary: wait }, trouble, visible(others), {
        weight: 3,
        arbitrary: visible(una),
      }),
      { maxLength: 6 },
    ),
    arrives: fc.option(write(una, ['plexichat', 'bridge', 'v1', 'modern'], ['online', 'idle', 'dnd'])),
    leave: fc.record({ by: fc.constantFrom('plexichat' as const, 'bridge' as const), saying: edit }),
    hidden: fc.array(round(hidden), { minLength: 1, maxLength: 3 }),
    gone: fc.array(round(gone), { maxLength: 1 }),
  })
  .map(({ kind, before, arrives, leave, hidden, gone }) => ({
    kind,
    before: arrives ? [...before, arrives] : before,
    leave,
    after: [...hidden, ...gone],
  }));

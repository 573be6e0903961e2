import { Expiring } from './expiring.ts';
import type { Settings } from './options.ts';
import type { Snowflakes } from './snowflakes.ts';

/** How long the list of those who are told of a change is remembered, ms. */
const AUDIENCE_CACHE = 15_000;

export interface Relation {
  readonly status: 'friend' | 'blocked';
  readonly createdAt: number;
}

export interface Member {
  readonly memberId: string;
  readonly userId: string;
  readonly joinedAt: number;
}

export interface Guild {
  readonly id: string;
  readonly name: string;
  readonly roleId: string;
  readonly members: Map<string, Member>;
}

/** Friends, blocks and guilds, and who is told of a change (contract §2). */
export class Relations {
  readonly #settings: Settings;
  readonly #ids: Snowflakes;
  readonly #relations = new Map<string, Map<string, Relation>>();
  readonly #guilds = new Map<string, Guild>();
  readonly #audiences: Expiring<readonly string[]>;

  constructor(settings: Settings, ids: Snowflakes) {
    this.#settings = settings;
    this.#ids = ids;
    const { clock, defects } = settings;
    this.#audiences = new Expiring(clock, defects.staleAudience ? AUDIENCE_CACHE : 0);
  }

  /** One side of a relation, as that side lists it. */
  relate(id: string, other: string, status: Relation['status']): Relation {
    const relation = { status, createdAt: this.#settings.clock.now() };
    this.#of(id).set(other, relation);
    return relation;
  }

  part(id: string, other: string): void {
    this.#of(id).delete(other);
  }

  listOf(id: string): readonly (readonly [string, Relation])[] {
    return [...this.#of(id)];
  }

  hasBlocked(id: string, other: string): boolean {
    return this.#of(id).get(other)?.status === 'blocked';
  }

  /** A block, either way. */
  areBlocked(a: string, b: string): boolean {
    return this.hasBlocked(a, b) || this.hasBlocked(b, a);
  }

  addGuild(members: readonly string[], name: string): Guild {
    const guild: Guild = { id: this.#ids.next(), name, roleId: this.#ids.next(), members: new Map() };
    this.#guilds.set(guild.id, guild);
    for (const id of members) this.join(guild.id, id);
    return guild;
  }

  join(guildId: string, userId: string): void {
    const member = { memberId: this.#ids.next(), userId, joinedAt: this.#settings.clock.now() };
    this.#guilds.get(guildId)?.members.set(userId, member);
  }

  leave(guildId: string, userId: string): void {
    this.#guilds.get(guildId)?.members.delete(userId);
  }

  guild(id: string): Guild | undefined {
    return this.#guilds.get(id);
  }

  guildsOf(id: string): readonly Guild[] {
    return [...this.#guilds.values()].filter(({ members }) => members.has(id));
  }

  /** Who is told when she writes; up to 15 s old. */
  audience(id: string): readonly string[] {
    return this.#audiences.get(id, () => this.freshAudience(id));
  }

  /** Who is told when she disconnects. */
  freshAudience(id: string): readonly string[] {
    const friends = this.listOf(id).flatMap(([other, { status }]) => (status === 'friend' ? [other] : []));
    const members = this.guildsOf(id).flatMap((guild) => [...guild.members.keys()]);
    const others = [...new Set([...friends, ...members])].filter((other) => other !== id);
    if (this.#settings.defects.eventsIgnoreBlocks) return others;
    return others.filter((other) => !this.areBlocked(id, other));
  }

  #of(id: string): Map<string, Relation> {
    const relations = this.#relations.get(id) ?? new Map<string, Relation>();
    this.#relations.set(id, relations);
    return relations;
  }
}

import { z } from 'zod';
import { OPERATOR } from '../../../presence/audit.ts';
import { VISIBILITIES } from '../../../presence/identity.ts';
import { seenBy } from '../../../presence/seen-by.ts';
import type { Own, Shown } from '../../../presence/shown.ts';
import type { Explanation, Grounds, Revelation } from '../../../presence/why.ts';
import type { BridgeApp, BridgeContext, SurfaceWords } from '../context.ts';
import { encodePerson, findPerson, personIdParams, personSchema, wellFormed } from '../schemas.ts';
import { reasons } from '../why-words.ts';

const instant = z.number().int().describe('Milliseconds since 1970');
const face = z.object({
  mode: z.string(),
  text: z.string().nullable(),
  emoji: z.string().nullable(),
  last_active_at: instant.nullable(),
});
const grounds = z.object({
  claim: z
    .object({
      mode: z.string(),
      origin: z.string(),
      at: instant,
      ends_at: instant.nullable(),
      holds: z.boolean(),
    })
    .nullable(),
  sessions: z.array(
    z.object({ origin: z.string(), mode: z.string(), last_activity: instant, ends_at: instant }),
  ),
  feeds: z.array(z.object({ origin: z.string(), mode: z.string(), ends_at: instant })),
  deadlines: z.array(z.object({ at: instant, what: z.string() })),
});
const surfaceView = z.object({
  surface: z.string(),
  presence: z.string().describe('In the words of that API'),
  text: z.string().nullable(),
  emoji: z.string().nullable(),
});
const seen = z.object({
  visibility: z.enum(VISIBILITIES),
  hidden_from: z.array(z.string()).describe('Who is on either side of a block with her'),
  told: z.array(z.string()).describe('Who listed her and may see her, of the first thousand who listed her'),
  listed_by: z.number().int(),
});
const delivery = z.object({
  to: z.string().describe('The id of a person who listens, or which real server'),
  kind: z.enum(['person', 'server']),
  said: z.string().describe('A mode, or what that server calls it'),
  at: instant,
});
const revealed = z.object({
  ...face.shape,
  because: z.array(z.string()),
  grounds,
  held_to: face
    .omit({ mode: true })
    .extend({ sealed: z.boolean() })
    .nullable()
    .describe('What others are held to while she is out of sight'),
});

type Context = Pick<
  BridgeContext,
  'deliveries' | 'people' | 'presence' | 'networks' | 'surfaces' | 'relations'
>;

/** Why somebody is shown as she is. Who is invisible looks as offline here as anywhere, unless a reason is given and kept. */
export function why(app: BridgeApp, context: Context): void {
  const { people, presence, networks, surfaces, relations, deliveries } = context;
  app.get('/people/:id/why', {
    schema: {
      summary: 'Why she is shown as she is, on each surface, and to whom',
      tags: ['people'],
      params: personIdParams,
      querystring: z.object({
        reveal: wellFormed
          .trim()
          .min(8)
          .max(500)
          .optional()
          .describe('Why more must be seen than others may see; kept in the audit log before it is answered'),
      }),
      response: {
        200: z.object({
          person: personSchema(networks),
          at: instant,
          shown: face,
          because: z.array(z.string()),
          grounds: grounds.nullable().describe('Null where she left by her own word'),
          surfaces: z.array(surfaceView),
          seen_by: seen,
          last_deliveries: z
            .array(delivery)
            .describe('What was last told of her by this node, to each of the last ten, the newest first'),
          revealed: revealed.nullable(),
        }),
      },
    },
    handler: async (request, reply) => {
      const person = await findPerson(people, networks, request.params.id);
      const { reveal: reason } = request.query;
      const explanation = await presence.explain(person.id);
      const more = reason === undefined ? null : await presence.reveal(person.id, OPERATOR, reason);
      const { visibility, hiddenFrom, told, listedBy } = await seenBy(relations, person);
      void reply.header('cache-control', 'no-store');
      return {
        person: encodePerson(person, networks),
        ...encodeExplanation(explanation, surfaces),
        seen_by: { visibility, hidden_from: [...hiddenFrom], told: [...told], listed_by: listedBy },
        last_deliveries: [...deliveries.of(person.id)],
        revealed: more && encodeRevelation(more),
      };
    },
  });
}

function encodeExplanation({ now, shown, grounds }: Explanation, surfaces: readonly SurfaceWords[]) {
  return {
    at: now,
    shown: encodeFace(shown),
    because: reasons(grounds, shown.mode),
    grounds: grounds && encodeGrounds(grounds),
    surfaces: surfaces.map(({ surface, dialect }) => {
      const { text, emoji } = dialect.see(shown.status);
      return { surface, presence: dialect.words[shown.mode], text, emoji };
    }),
  };
}

function encodeRevelation({ own, grounds, veil }: Revelation): z.output<typeof revealed> {
  return {
    ...encodeFace(own),
    because: reasons(grounds, own.mode),
    grounds: encodeGrounds(grounds),
    held_to: veil && {
      text: veil.status?.text ?? null,
      emoji: veil.status?.emoji ?? null,
      last_active_at: veil.lastActivity,
      sealed: veil.sealed,
    },
  };
}

function encodeFace({ mode, status, lastActivity }: Own | Shown): z.output<typeof face> {
  return { mode, text: status?.text ?? null, emoji: status?.emoji ?? null, last_active_at: lastActivity };
}

function encodeGrounds({ claim, sessions, feeds, deadlines }: Grounds): z.output<typeof grounds> {
  return {
    claim: claim && {
      mode: claim.mode,
      origin: claim.origin,
      at: claim.at,
      ends_at: claim.endsAt,
      holds: claim.holds,
    },
    sessions: sessions.map(({ origin, mode, lastActivity, endsAt }) => {
      return { origin, mode, last_activity: lastActivity, ends_at: endsAt };
    }),
    feeds: feeds.map(({ origin, mode, endsAt }) => ({ origin, mode, ends_at: endsAt })),
    deadlines: deadlines.map(({ at, what }) => ({ at, what })),
  };
}

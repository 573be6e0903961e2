import { z } from 'zod';
import { modeOf } from '../../../presence/dialect.ts';
import { BridgeError } from '../../../presence/errors.ts';
import type { StatusEdit } from '../../../presence/reduce.ts';
import type { Own } from '../../../presence/shown.ts';
import { codePoints } from '../../../presence/text.ts';
import { demandWrite } from '../../../admission/gate.ts';
import { admitUser, userOf } from '../auth.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { bridgeDialect } from '../dialect.ts';
import { instantOf, momentFields } from '../moments.ts';

function boundedText(max: number) {
  return z
    .string()
    .refine((text) => codePoints(text) <= max, `at most ${max} code points`)
    .refine((text) => text.isWellFormed(), 'holds a lone surrogate')
    .nullish();
}

const modeBody = z.object({
  mode: z
    .enum(['online', 'idle', 'dnd', 'invisible', 'offline'])
    .describe('From its end on, what your connections say counts')
    .meta({ examples: ['dnd'] }),
  text: boundedText(2048).describe(
    'Absent or null leaves the status alone, "" clears it; at most 2,048 code points',
  ),
  emoji: boundedText(64).describe('At most 64 code points; a text without an emoji clears the emoji'),
  ...momentFields('', 'until the mode ends, and with it the text and emoji given here'),
  ...momentFields('status_', 'until the text and emoji given here are cleared, if not with the mode'),
});

const ownMode = z
  .object({
    mode: z.string(),
    until: z.number().int().nullable().describe('When what you said of your mode ends, ms since 1970'),
    text: z.string().nullable(),
    emoji: z.string().nullable(),
    expires_at: z.number().int().nullable().describe('When text and emoji are cleared, ms since 1970'),
    last_active_at: z.number().int().nullable().describe('Milliseconds since 1970'),
  })
  .meta({ title: 'Own mode' });

/** The one API that has a word for every mode, with a token of either network (semantics §4.3). */
export function mode(
  app: BridgeApp,
  { presence, gate, clock }: Pick<BridgeContext, 'presence' | 'gate' | 'clock'>,
): void {
  const onRequest = admitUser(gate);

  app.get('/me/mode', {
    onRequest,
    schema: { summary: 'What you are now', tags: ['me'], response: { 200: ownMode } },
    handler: async (request) => encodeOwn(await presence.own(userOf(request))),
  });

  app.put('/me/mode', {
    onRequest,
    schema: {
      summary: 'Be online, idle, dnd, invisible or offline, with a token of either network',
      tags: ['me'],
      body: modeBody,
      response: { 200: ownMode },
    },
    handler: async (request) => {
      const person = userOf(request);
      await demandWrite(gate, person);
      const written = modeOf(bridgeDialect, request.body.mode);
      if (!written) throw new BridgeError('bad_json', 'mode: unknown');
      const now = clock.now();
      const expiresAt = instantOf(request.body, '', now);
      if (expiresAt !== null && written === 'offline') {
        throw new BridgeError('bad_json', 'mode: offline has no end; a connection ends it');
      }
      const status = readStatus(request.body, expiresAt, now);
      const write = { dialect: bridgeDialect, mode: written, status, expiresAt };
      return encodeOwn(await presence.write(person, write));
    },
  });
}

/** Semantics §4.5, with an expiry. */
function readStatus(
  { text, emoji, ...rest }: z.output<typeof modeBody>,
  modeEnds: number | null,
  now: number,
): StatusEdit {
  const says = (text ?? '') !== '' || (emoji ?? '') !== '';
  const ownEnd = instantOf(rest, 'status_', now);
  if (ownEnd !== null && !says) {
    throw new BridgeError('bad_json', 'status_expires_in: needs a text or an emoji to clear');
  }
  if (text === '' || (text == null && emoji === '')) return { kind: 'clear' };
  if (!says) return { kind: 'keep' };
  return {
    kind: 'set',
    ...(text == null ? {} : { text }),
    emoji: emoji == null || emoji === '' ? null : emoji,
    expiresAt: ownEnd ?? modeEnds,
  };
}

function encodeOwn(own: Own): z.output<typeof ownMode> {
  return {
    mode: bridgeDialect.words[own.mode],
    until: own.until ?? null,
    text: own.status?.text ?? null,
    emoji: own.status?.emoji ?? null,
    expires_at: own.status?.expiresAt ?? null,
    last_active_at: own.lastActivity,
  };
}

import type { Command } from 'commander';
import { z } from 'zod';
import type { BridgeOptions } from './bridge-api.ts';
import { bridgeApi } from './bridge-api.ts';
import { withBridge } from './options.ts';
import { print, table, time } from './output.ts';
import { personBody, personLines } from './user.ts';

const face = z.looseObject({
  mode: z.string(),
  text: z.string().nullable(),
  emoji: z.string().nullable(),
  last_active_at: z.number().nullable(),
});
const whyBody = z.looseObject({
  person: personBody,
  at: z.number(),
  shown: face,
  because: z.array(z.string()),
  surfaces: z.array(
    z.object({
      surface: z.string(),
      presence: z.string(),
      text: z.string().nullable(),
      emoji: z.string().nullable(),
    }),
  ),
  seen_by: z.object({
    visibility: z.string(),
    hidden_from: z.array(z.string()),
    told: z.array(z.string()),
    listed_by: z.number(),
  }),
  revealed: face.extend({ because: z.array(z.string()) }).nullable(),
});
type WhyBody = z.output<typeof whyBody>;

interface WhyOptions extends BridgeOptions {
  readonly reveal?: string;
}

/** `why <person>`. */
export function whyCommand(program: Command): void {
  withBridge(program.command('why <person>').description('why somebody is shown as she is, and to whom'))
    .option('--reveal <reason>', 'see also what she hides; the reason is kept in the audit log')
    .action(why);
}

async function why(person: string, options: WhyOptions): Promise<void> {
  const query =
    options.reveal === undefined ? '' : `?${new URLSearchParams({ reveal: options.reveal }).toString()}`;
  const path = `/bridge/v1/people/${encodeURIComponent(person)}/why${query}`;
  const body = whyBody.parse(await bridgeApi(options).call('GET', path));
  print(body, options.json, () => lines(body));
}

function lines({ person, at, shown, because, surfaces, seen_by: seen, revealed }: WhyBody): string[] {
  return [
    ...personLines(person),
    '',
    `At ${time(at)} she is shown ${faceWords(shown)}.`,
    ...because,
    '',
    ...table([
      ['on', 'presence', 'text', 'emoji'],
      ...surfaces.map(({ surface, presence, text, emoji }) => [surface, presence, text ?? '', emoji ?? '']),
    ]),
    '',
    `Who may see her: ${seen.visibility}, but for ${seen.hidden_from.length} behind a block.`,
    `Listed by ${seen.listed_by}; ${seen.told.length} of them are told.`,
    ...(revealed ? ['', `Really she is ${faceWords(revealed)}.`, ...revealed.because] : []),
  ];
}

function faceWords({ mode, text, emoji, last_active_at: active }: z.output<typeof face>): string {
  const said = [emoji, text].filter((part) => part !== null).join(' ');
  return [
    mode,
    ...(said === '' ? [] : [`with ${JSON.stringify(said)}`]),
    active === null ? 'never active' : `last active ${time(active)}`,
  ].join(', ');
}

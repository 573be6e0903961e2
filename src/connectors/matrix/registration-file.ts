import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { parse, parseDocument } from 'yaml';
import { z } from 'zod';
import type { Registration, RegistrationTerms } from './registration.ts';
import { formatRegistration } from './registration.ts';
import { checkRegistration } from './registration-check.ts';

/** A registration that cannot be used. The message has every problem on a line of its own, and no token. */
export class RegistrationError extends Error {
  readonly problems: readonly string[];

  constructor(file: string, problems: readonly string[], options?: ErrorOptions) {
    super(problems.map((problem) => `${file}: ${problem}`).join('\n'), options);
    this.name = 'RegistrationError';
    this.problems = problems;
  }
}

const used = z
  .object({
    id: z.string(),
    url: z.string(),
    as_token: z.string(),
    hs_token: z.string(),
    sender_localpart: z.string(),
  })
  .transform((it): Registration => ({
    id: it.id,
    url: it.url,
    asToken: it.as_token,
    hsToken: it.hs_token,
    senderLocalpart: it.sender_localpart,
  }));

/** The registration in the file. Throws `RegistrationError` when it cannot be read or does not fit the settings. */
export function readRegistration(file: string, terms: RegistrationTerms): Registration {
  const parsed = readYaml(file);
  const problems = checkRegistration(parsed, terms);
  if (problems.length > 0) throw new RegistrationError(file, problems);
  return used.parse(parsed);
}

/**
 * Writes the file for its owner only. Throws `RegistrationError` when it could not be used, and when there is one already
 * that is not to be replaced.
 */
export function writeRegistration(
  file: string,
  registration: Registration,
  terms: RegistrationTerms,
  replace: boolean,
): void {
  const text = formatRegistration(registration, terms);
  const problems = checkRegistration(parse(text), terms);
  if (problems.length > 0) throw new RegistrationError(file, problems);
  if (replace) {
    const draft = `${file}.${process.pid}.new`;
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
    renameSync(draft, file);
    return;
  }
  try {
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    throw new RegistrationError(file, [reasonNotWritten(cause)], { cause });
  }
}

function reasonNotWritten(error: unknown): string {
  const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
  return exists
    ? 'exists already; --force replaces it and its tokens'
    : `cannot be written (${String(error)})`;
}

/** What is wrong with its text is told by position and kind, never by quoting: it holds tokens. */
function readYaml(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const problem = `cannot be read (${String(cause)}); make one with \`plexibridge registration generate\``;
    throw new RegistrationError(file, [problem], { cause });
  }
  const document = parseDocument(text, { prettyErrors: false });
  const problems = [...document.errors, ...document.warnings].map(({ code, pos }) => {
    const line = text.slice(0, pos[0]).split('\n').length;
    return `line ${line}: invalid YAML (${code.toLowerCase().replaceAll('_', ' ')})`;
  });
  if (problems.length > 0) throw new RegistrationError(file, problems);
  try {
    return document.toJS() as unknown;
  } catch (cause) {
    throw new RegistrationError(file, ['invalid YAML (bad alias)'], { cause });
  }
}

import { resolve } from 'node:path';
import type { Settings } from '../app.ts';
import type { RegistrationTerms } from '../connectors/matrix/registration.ts';
import { makeRegistration } from '../connectors/matrix/registration.ts';
import { readRegistration, writeRegistration } from '../connectors/matrix/registration-file.ts';
import { systemSecrets } from '../secrets.ts';
import { urlOf } from './listening.ts';
import type { ConfigOption } from './settings.ts';
import { readSettings } from './settings.ts';

interface GenerateOptions extends ConfigOption {
  /** Where the homeserver reaches the bridge. */
  readonly url?: string;
  /** Where the file goes; where the settings say if absent. */
  readonly out?: string;
  /** Whether a file that is there is replaced. */
  readonly force?: boolean;
}

export function generateRegistration({ url, out, force = false, ...config }: GenerateOptions): void {
  const settings = readSettings(config);
  const terms = termsOf(settings);
  const file = out ?? settings.matrix.homeserver.registration;
  const registration = makeRegistration(terms, url ?? urlOf(settings.listen), systemSecrets);
  writeRegistration(file, registration, terms, force);
  process.stdout.write(nextSteps(settings, registration.url, file));
}

export function checkRegistrationFile(config: ConfigOption): void {
  const settings = readSettings(config);
  readRegistration(settings.matrix.homeserver.registration, termsOf(settings));
  process.stdout.write('The registration is good.\n');
}

function termsOf({ matrix }: Settings): RegistrationTerms {
  return {
    serverName: matrix.server_name,
    standInTemplate: matrix.stand_in_template,
    room: matrix.homeserver.room,
    homeserverUrl: matrix.homeserver.url,
  };
}

function nextSteps({ matrix }: Settings, url: string, file: string): string {
  const lines = [
    `Wrote ${file}. It holds tokens: keep it secret.`,
    `The homeserver of ${matrix.server_name} will send to ${url}.`,
    '',
    'Add this to homeserver.yaml, with the path by which the homeserver finds the file, and restart it:',
    '',
    'app_service_config_files:',
    `  - ${JSON.stringify(resolve(file))}`,
  ];
  if (matrix.homeserver.url === undefined) {
    lines.push('', 'Set matrix.homeserver.url to where the bridge reaches the homeserver.');
  }
  return `${lines.join('\n')}\n`;
}

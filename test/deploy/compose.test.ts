import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { settingsSchema } from '../../src/app.ts';
import { settingsOf } from '../../src/config/settings.ts';
import { readEnvironment } from '../../src/config/environment.ts';
import { loadConfig } from '../../src/config/load.ts';
import { composedWith, composeFile, exampleVariables } from './compose.ts';
import { readDeployFile } from './files.ts';

const SCHEMA = JSON.parse(
  readFileSync(new URL('compose-spec/compose-spec.json', import.meta.url), 'utf8'),
) as Record<string, unknown>;
const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile({
  ...SCHEMA,
  $schema: 'http://json-schema.org/draft-07/schema#',
});
const file = composeFile();
const services = Object.entries(file.services);
const bridge = () => composedWith(exampleVariables()).services['bridge'];

/** Files of secrets are not here; the loader would read them. */
function environmentOf(service: string): Record<string, string> {
  const { environment = {} } = composedWith(exampleVariables()).services[service] ?? {};
  return { ...environment };
}

describe('compose.yaml', () => {
  it('is one by the Compose Specification', () => {
    validate(file);
    expect(validate.errors ?? []).toEqual([]);
    expect(validate({ ...file, services: { bridge: { image: 'x', enviroment: {} } } })).toBe(false);
  });

  it.each(services)('the image of %s has a version', (_name, { image }) => {
    expect(image).toMatch(/^[\w./-]+:v?\d+\.\d+/);
    expect(image).not.toMatch(/latest/);
  });

  it('runs the bridge of this version, with the Synapse that it is tested with', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    const tested = readFileSync(new URL('../interop/synapse/requirements.txt', import.meta.url), 'utf8');
    const synapse = /^matrix-synapse==(.*)$/m.exec(tested)?.[1];
    expect(file.services['bridge']?.image).toBe(`plexibridge:${version}`);
    expect(file.services['synapse']?.image).toBe(`matrixdotorg/synapse:v${synapse}`);
  });

  it.each(['bridge', 'registration'])('sets nothing for %s that the settings do not know', (name) => {
    const environment = environmentOf(name);
    expect(Object.keys(environment).length).toBeGreaterThan(2);
    expect(Object.keys(environment).filter((key) => !key.startsWith('PLEXIBRIDGE__'))).toEqual([]);
    const { problems } = readEnvironment(settingsOf(settingsSchema), environment);
    // Only the file of the secret is not on this machine.
    expect(problems.filter((problem) => !problem.includes('the file it names cannot be read'))).toEqual([]);
  });

  it('gives the bridge what it needs', () => {
    const { PLEXIBRIDGE__OPERATOR__TOKEN_FILE: token, ...env } = environmentOf('bridge');
    expect(token).toBe('/run/secrets/operator_token');
    expect(loadConfig(settingsSchema, { env })).toMatchObject({
      listen: { host: '0.0.0.0', port: 8790 },
      store: { kind: 'postgres', shards: ['postgres://plexibridge:replaceMeToo@postgres/plexibridge'] },
      samples: false,
      matrix: {
        server_name: 'example.org',
        homeserver: { url: 'http://synapse:8008', registration: '/data/registration.yaml' },
      },
    });
  });

  it.each(Object.keys(exampleVariables()))('is refused without %s', (name) => {
    const others = { ...exampleVariables(), [name]: '' };
    const secret = Object.values(file.secrets).some(({ environment }) => environment === name);
    const demanded = readDeployFile('compose.yaml').includes(`\${${name}:?`);
    // Compose itself refuses a secret whose variable is not set.
    expect(secret || demanded).toBe(true);
    if (demanded) expect(() => composedWith(others)).toThrow(name);
  });

  it('shares one registration: the bridge makes it where Synapse reads it', () => {
    const { synapse, registration } = composedWith(exampleVariables()).services;
    const volumeOf = (volumes: readonly string[] = [], path: string) =>
      volumes
        .map((each) => each.split(':'))
        .find(([, at]) => at !== undefined && path.startsWith(`${at}/`))?.[0];
    const settings = parse(
      composedWith(exampleVariables()).configs['synapse_plexibridge']?.content ?? '',
    ) as {
      app_service_config_files: string[];
      database: { args: { dbname: string; password: string } };
    };
    const [read = ''] = settings.app_service_config_files;
    expect(read).toMatch(/\/registration\.yaml$/);
    expect(volumeOf(synapse?.volumes, read)).toBe('bridge');
    expect(volumeOf(registration?.volumes, '/data/registration.yaml')).toBe('bridge');
    expect(volumeOf(bridge()?.volumes, '/data/registration.yaml')).toBe('bridge');
    // It is readable by its owner alone.
    expect(synapse?.environment).toMatchObject({ UID: '1000', GID: '1000' });
    expect(settings.database.args).toMatchObject({ dbname: 'synapse', password: 'replaceMeToo' });
    expect(file.configs['synapse_database']?.content).toMatch(/^CREATE DATABASE synapse /);
  });

  it('uses no volume, secret, setting or service that it does not have', () => {
    for (const [, { volumes = [], secrets = [], configs = [], depends_on = {} }] of services) {
      for (const volume of volumes) expect(Object.keys(file.volumes)).toContain(volume.split(':')[0]);
      for (const secret of secrets) expect(Object.keys(file.secrets)).toContain(secret);
      for (const { source } of configs) expect(Object.keys(file.configs)).toContain(source);
      for (const service of Object.keys(depends_on)) expect(Object.keys(file.services)).toContain(service);
    }
  });

  it('waits for a service to be healthy only where it says how to tell', () => {
    const image = readDeployFile('Dockerfile');
    for (const [, { depends_on = {} }] of services) {
      for (const [service, { condition }] of Object.entries(depends_on)) {
        const own = file.services[service];
        const checked =
          own?.healthcheck !== undefined || (own?.build !== undefined && /HEALTHCHECK/.test(image));
        if (condition === 'service_healthy') expect(checked).toBe(true);
      }
    }
  });

  it.each(services.filter(([, { ports }]) => ports))(
    '%s is reached from this machine only',
    (_name, { ports = [] }) => {
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    },
  );
});

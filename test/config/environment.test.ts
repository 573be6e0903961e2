import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig } from '../../src/config/load.ts';
import { bridgeSchema } from '../../src/config/schema.ts';
import { fileOf, load, pathOf, problemsOf } from './files.ts';

const READ: [variable: string, text: string, found: object][] = [
  ['PLEXIBRIDGE__LISTEN__HOST', '::1', { listen: { host: '::1' } }],
  ['PLEXIBRIDGE__LISTEN__PORT', '0', { listen: { port: 0 } }],
  ['PLEXIBRIDGE__STORE__PATH', '8790', { store: { path: '8790' } }],
  ['PLEXIBRIDGE__OPERATOR__TOKEN', '12345678901234567890', { operator: { token: '12345678901234567890' } }],
  ['PLEXIBRIDGE__LOG__LEVEL', 'debug', { log: { level: 'debug' } }],
  ['PLEXIBRIDGE__SAMPLES', 'false', { samples: false }],
  ['PLEXIBRIDGE__LIMITS__WRITES__BURST', '3', { limits: { writes: { burst: 3, per_second: 1 } } }],
  ['PLEXIBRIDGE__LIMITS__WRITES__PER_SECOND', '0.25', { limits: { writes: { per_second: 0.25 } } }],
  ['PLEXIBRIDGE__PRESENCE__IDLE_AFTER', '2h', { presence: { idle_after: 7_200_000 } }],
  [
    'PLEXIBRIDGE__LISTEN__TRUSTED_PROXIES',
    '10.0.0.1, ::1,10.0.0.0/8',
    { listen: { trusted_proxies: ['10.0.0.1', '::1', '10.0.0.0/8'] } },
  ],
  [
    'PLEXIBRIDGE__LISTEN__TRUSTED_PROXIES',
    '["10.0.0.1","::1/128"]',
    { listen: { trusted_proxies: ['10.0.0.1', '::1/128'] } },
  ],
  ['PLEXIBRIDGE__LISTEN__TRUSTED_PROXIES', '', { listen: { trusted_proxies: [] } }],
  ['PLEXIBRIDGE__CARRIER__PORTS', '1,2', { carrier: { ports: [1, 2] } }],
  ['PLEXIBRIDGE__CARRIER__NAMES', '{"a": "b"}', { carrier: { names: { a: 'b' } } }],
  ['PLEXIBRIDGE__CARRIER__NICK', '', { carrier: { nick: '' } }],
  ['PLEXIBRIDGE__CARRIER__KEY_FILE', 'x.pem', { carrier: { key_file: 'x.pem' } }],
  ['plexibridge__listen__port', '1', { listen: { port: 1 } }],
  ['Plexibridge__Listen__Port', '1', { listen: { port: 1 } }],
];

const REFUSED: [variable: string, text: string, problem: string][] = [
  ['PLEXIBRIDGE__LISTEN__PORT', 'x', ' listen.port: Invalid input: expected number, received string'],
  ['PLEXIBRIDGE__LISTEN__PORT', '', ' listen.port: Invalid input: expected number, received string'],
  ['PLEXIBRIDGE__SAMPLES', 'yes', ' samples: Invalid input: expected boolean, received string'],
  ['PLEXIBRIDGE__CARRIER__PORTS', '1,x', ' carrier.ports.1: Invalid input: expected number, received string'],
  ['PLEXIBRIDGE__CARRIER__PORTS', '[1', ' carrier.ports: Invalid input: expected array, received string'],
  ['PLEXIBRIDGE__LISTEN__PROT', '1', ': unknown variable, did you mean PLEXIBRIDGE__LISTEN__PORT?'],
  ['PLEXIBRIDGE__LISTEN_PORT', '1', ': unknown variable, did you mean PLEXIBRIDGE__LISTEN__PORT?'],
  [
    'PLEXIBRIDGE__OPERATOR__TOKN_FILE',
    'f',
    ': unknown variable, did you mean PLEXIBRIDGE__OPERATOR__TOKEN_FILE?',
  ],
  ['PLEXIBRIDGE__NOTHING_LIKE_IT', '1', ': unknown variable'],
  ['PLEXIBRIDGE__LISTEN', '{}', ': unknown variable'],
  ['PLEXIBRIDGE__', '1', ': unknown variable'],
];

describe('the environment', () => {
  it.each(READ)('%s=%s is read', (variable, text, found) => {
    expect(load(null, { [variable]: text })).toMatchObject(found);
  });

  it.each(REFUSED)('%s=%s is refused', (variable, text, problem) => {
    expect(problemsOf(null, { [variable]: text })).toEqual([`env ${variable}${problem}`]);
  });

  it('wins over the file, key by key', () => {
    const yaml = 'listen: { host: a, port: 1, trusted_proxies: [10.0.0.1] }';
    const env = { PLEXIBRIDGE__LISTEN__PORT: '2', PLEXIBRIDGE__LISTEN__TRUSTED_PROXIES: '::1' };
    expect(load(yaml, env).listen).toEqual({
      host: 'a',
      port: 2,
      trusted_proxies: ['::1'],
      request_timeout: 30_000,
    });
  });

  it('that wins is also what is complained of', () => {
    expect(problemsOf('listen: { port: 1 }', { PLEXIBRIDGE__LISTEN__PORT: '-1' })).toEqual([
      expect.stringMatching(/^env PLEXIBRIDGE__LISTEN__PORT listen\.port: /),
    ]);
  });

  it('keeps to its own variables', () => {
    const env = { PLEXIBRIDGE_HOME: '/', PLEXIBRIDGE: '1', PATH: '/bin', PLEXIBRIDGE__SAMPLES: undefined };
    expect(load(null, env).samples).toBe(true);
  });

  it.each([
    ['sixteen--letters', 'sixteen--letters'],
    ['sixteen--letters\n', 'sixteen--letters'],
    ['sixteen--letters\r\n', 'sixteen--letters'],
    ['sixteen--letters--and--more\n', 'sixteen--letters--and--more'],
  ])('reads a value from a file of %j', (content, token) => {
    const file = fileOf('token', content);
    expect(load(null, { PLEXIBRIDGE__OPERATOR__TOKEN_FILE: file }).operator.token).toBe(token);
  });

  it('reads any kind of value from a file', () => {
    expect(load(null, { PLEXIBRIDGE__LISTEN__PORT_FILE: fileOf('port', '81\n') }).listen.port).toBe(81);
  });

  it('names the primaries of a store, better from a file', () => {
    const text = 'postgres://a:1/x, postgresql://u:SECRET@b/y?sslmode=verify-full';
    const shards = ['postgres://a:1/x', 'postgresql://u:SECRET@b/y?sslmode=verify-full'];
    const env = { PLEXIBRIDGE__STORE__KIND: 'postgres' };
    expect(load(null, { ...env, PLEXIBRIDGE__STORE__SHARDS: text }).store).toMatchObject({ shards });
    const file = fileOf('shards', `${text}\n`);
    expect(load(null, { ...env, PLEXIBRIDGE__STORE__SHARDS_FILE: file }).store).toMatchObject({ shards });
    expect(problemsOf(null, env)).toEqual([
      'env PLEXIBRIDGE__STORE__SHARDS store.shards: must name at least one primary where store.kind is postgres',
    ]);
    const mistaken = { ...env, PLEXIBRIDGE__STORE__SHARDS: `${text},SECRET` };
    expect(problemsOf(null, mistaken).join()).toMatch(/ store\.shards\.2: must be a URL such as postgres:/);
    expect(problemsOf(null, mistaken).join()).not.toContain('SECRET');
  });

  it('refuses a file that cannot be read, and a value given twice', () => {
    expect(problemsOf(null, { PLEXIBRIDGE__OPERATOR__TOKEN_FILE: pathOf('none') })).toEqual([
      'env PLEXIBRIDGE__OPERATOR__TOKEN_FILE operator.token: the file it names cannot be read',
    ]);
    const env = { PLEXIBRIDGE__LISTEN__PORT: '1', PLEXIBRIDGE__LISTEN__PORT_FILE: fileOf('port', '1') };
    expect(problemsOf(null, env)).toEqual([
      'env PLEXIBRIDGE__LISTEN__PORT_FILE listen.port: already given by PLEXIBRIDGE__LISTEN__PORT',
    ]);
    expect(problemsOf(null, { PLEXIBRIDGE__SAMPLES: 'true', plexibridge__samples: 'true' })).toEqual([
      'env plexibridge__samples samples: already given by PLEXIBRIDGE__SAMPLES',
    ]);
  });

  it('is asked for what has no default when there is no file', () => {
    const needy = bridgeSchema({ carrier: z.strictObject({ name: z.string() }) });
    const problem = 'carrier.name: Invalid input: expected string, received undefined';
    expect(() => loadConfig(needy, { env: {} })).toThrow(`env PLEXIBRIDGE__CARRIER__NAME ${problem}`);
    const file = fileOf('needy.yaml', 'samples: true\ncarrier: {}');
    expect(() => loadConfig(needy, { file, env: {} })).toThrow(`${file}:2:1 ${problem}`);
  });

  it('never has a value of it quoted', () => {
    const env = {
      PLEXIBRIDGE__OPERATOR__TOKEN: 'SECRET',
      PLEXIBRIDGE__OPERATOR__TOKN: 'SECRET',
      PLEXIBRIDGE__LOG__LEVEL: 'SECRET',
      PLEXIBRIDGE__LISTEN__PORT: 'SECRET',
      PLEXIBRIDGE__SAMPLES_FILE: fileOf('secret', 'SECRET'),
    };
    const problems = problemsOf(null, env);
    expect(problems).toHaveLength(5);
    expect(problems.join('\n')).not.toContain('SECRET');
  });
});

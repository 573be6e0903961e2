import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { pathOf, problemsOf, schema } from './files.ts';

const YAML_FAULTS: [what: string, yaml: string, problem: string][] = [
  ['a key twice', 'samples: true\nsamples: false', '2:1: invalid YAML (duplicate key)'],
  ['a list without its end', 'listen:\n  trusted_proxies: [a', '2:22: invalid YAML (bad indent)'],
  ['a tab', 'listen:\n\tport: 1', '2:1: invalid YAML (tab as indent)'],
  ['two documents', 'samples: true\n---\nsamples: true', '2:1: invalid YAML (multiple docs)'],
  ['an unknown tag', 'samples: !maybe true', '1:10: invalid YAML (tag resolve failed)'],
  ['an unknown alias', 'samples: *sure', '1:1: invalid YAML (bad alias)'],
];

const UNKNOWN_KEYS: [yaml: string, problem: string][] = [
  ['listen:\n  prot: 1', '2:3 listen.prot: unknown key, did you mean listen.port?'],
  ['lisen: {}', '1:1 lisen: unknown key, did you mean listen?'],
  [
    'limits: { writes: { per_sec: 1 } }',
    '1:21 limits.writes.per_sec: unknown key, did you mean limits.writes.per_second?',
  ],
  ['carrier: { nik: a }', '1:12 carrier.nik: unknown key, did you mean carrier.nick?'],
  ['limits: { writes: { foo: 1 } }', '1:21 limits.writes.foo: unknown key'],
  ['x: 1', '1:1 x: unknown key'],
  ['8790: listen', '1:1 8790: unknown key'],
  ['__proto__: { samples: false }', '1:1 __proto__: unknown key'],
];

describe('a file of settings', () => {
  it.each(YAML_FAULTS)('with %s is told by place and kind', (_, yaml, problem) => {
    expect(problemsOf(yaml)).toContain(`bridge.yaml:${problem}`);
  });

  it.each(UNKNOWN_KEYS)('%j has an unknown key', (yaml, problem) => {
    expect(problemsOf(yaml)).toEqual([`bridge.yaml:${problem}`]);
  });

  it('that holds no settings is refused as a whole', () => {
    expect(problemsOf('- 1')).toEqual([
      'bridge.yaml:1:1 settings: Invalid input: expected object, received array',
    ]);
    expect(problemsOf('store: 5', { PLEXIBRIDGE__STORE__PATH: 'x' })).toEqual([
      'bridge.yaml:1:1 store: Invalid input: expected object, received number',
    ]);
  });

  it('points at the item of a list', () => {
    expect(problemsOf('carrier:\n  ports:\n    - 1\n    - two')).toEqual([
      'bridge.yaml:4:7 carrier.ports.1: Invalid input: expected number, received string',
    ]);
  });

  it('that is not there is named', () => {
    expect(() => loadConfig(schema, { file: pathOf('none.yaml'), env: {} })).toThrow(
      /none\.yaml: cannot be read \(Error: ENOENT/,
    );
  });

  it('has every problem listed, the environment’s too', () => {
    const yaml = 'listen:\n  port: x\n  prot: 1\nsamples: 2\n';
    expect(problemsOf(yaml, { PLEXIBRIDGE__LOG__LEVEL: 'loud', PLEXIBRIDGE__X: '1' })).toEqual([
      'env PLEXIBRIDGE__X: unknown variable',
      'bridge.yaml:2:3 listen.port: Invalid input: expected number, received string',
      'bridge.yaml:3:3 listen.prot: unknown key, did you mean listen.port?',
      expect.stringMatching(/^env PLEXIBRIDGE__LOG__LEVEL log\.level: Invalid option/),
      'bridge.yaml:4:1 samples: Invalid input: expected boolean, received number',
    ]);
  });

  it('that is no YAML still lets the environment’s problems be seen', () => {
    expect(problemsOf('a: 1\na: 2', { PLEXIBRIDGE__LISTEN__PORT: 'x' })).toEqual([
      'bridge.yaml:2:1: invalid YAML (duplicate key)',
      'env PLEXIBRIDGE__LISTEN__PORT listen.port: Invalid input: expected number, received string',
    ]);
  });

  it.each([
    'operator: { token: SECRET }',
    'operator:\n  token: *SECRET',
    'operator:\n  token: !SECRET x',
    'operator:\n  token: "SECRET',
    'operator:\n  token: |SECRET',
    'operator:\n  token: "\\USECRET"',
    'operator:\n  token: "x"SECRET',
    'operator:\n  token: [SECRET]]',
    'operator: SECRET',
    'log: { level: SECRET }',
  ])('never has a value of it quoted: %j', (yaml) => {
    const problems = problemsOf(yaml);
    expect(problems).not.toEqual([]);
    expect(problems.join('\n')).not.toContain('SECRET');
  });
});

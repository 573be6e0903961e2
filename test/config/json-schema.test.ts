import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { configJsonSchema, exampleYaml } from '../../src/config/json-schema.ts';
import { settingsOf } from '../../src/config/settings.ts';
import { load, schema } from './files.ts';

describe('the JSON schema of the settings', () => {
  it('says what an operator may write, not what the bridge makes of it', () => {
    const { properties, additionalProperties } = configJsonSchema(schema);
    expect(additionalProperties).toBe(false);
    expect(properties).toMatchObject({
      listen: {
        additionalProperties: false,
        properties: { port: { type: 'integer', minimum: 0, maximum: 65535, default: 8790 } },
      },
      operator: { properties: { token: { type: 'string', minLength: 16, writeOnly: true } } },
      presence: { properties: { idle_after: { type: 'string', default: '5m' } } },
    });
  });

  it.each(settingsOf(schema).filter(({ isSection }) => !isSection))('describes $key', ({ schema }) => {
    expect(schema.description).toMatch(/^\w.+/);
  });
});

describe('the example file', () => {
  const example = exampleYaml(schema);

  it('says the defaults and nothing else', () => {
    expect(load(example)).toEqual(load(null));
    const { listen, presence, operator } = parse(example);
    expect(listen).toEqual({ host: '127.0.0.1', port: 8790, trusted_proxies: [], request_timeout: '30s' });
    expect(presence).toEqual({
      idle_after: '5m',
      claim_ttl: '30m',
      busy_ttl: '30m',
      grace: '30s',
      visibility: 'everyone',
    });
    expect(operator).toBeNull();
  });

  it.each(settingsOf(schema))('has $key, its description above it', ({ path, schema, isSection }) => {
    const indent = '  '.repeat(path.length - 1);
    const off = isSection || schema.default !== undefined ? '' : '# ';
    const comment = isSection ? '' : `${indent}# ${schema.description ?? ''}\n`;
    expect(example).toContain(`\n${comment}${indent}${off}${path.at(-1) ?? ''}:`);
  });

  it('is the same every time, and right again once its comments are taken off', () => {
    expect(exampleYaml(schema)).toBe(example);
    const settings = load(example.replace('# token:', 'token: sixteen--letters'));
    expect(settings.operator.token).toBe('sixteen--letters');
  });
});

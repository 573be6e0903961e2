import { createConfig, lintFromString } from '@redocly/openapi-core';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { OPERATOR } from '../helpers/app.ts';
import { exampleOf, valuesOf } from './schema-values.ts';
import type { Got, Operation } from './world.ts';
import { DocumentedBridge, SURFACES } from './world.ts';

let bridge: DocumentedBridge;
beforeAll(async () => {
  bridge = await DocumentedBridge.make();
});
afterEach(async () => {
  expect(await bridge.isWhole()).toBe(true);
});
afterAll(() => bridge.close());

/** Only a homeserver could answer, or nobody ever gets anything. */
const NEVER_GRANTED = [
  'GET /_matrix/app/v1/users/{userId}',
  'GET /users/{userId}',
  'PUT /bridge/v1/me/server-tokens/{network}',
  'DELETE /bridge/v1/me/server-tokens/{network}',
];
/** What cannot be kept: the paths are those of the networks, and some of them only refuse, or never do. */
const RULES = {
  'no-ambiguous-paths': 'off',
  'operation-2xx-response': 'off',
  'operation-4xx-response': 'off',
} as const;
/** Bodies of which no example can be given without knowing who there is. */
const KNOWING: Readonly<Record<string, unknown>> = {
  'POST /bridge/v1/links': { plexichat_id: '175928847299117063', matrix_id: '@una:localhost' },
  'POST /bridge/v1/session': { token: OPERATOR },
  'POST /bridge/v1/people': { plexichat_id: '175928847299117065' },
};
/** After these there is nobody left to call, so each gets a bridge of its own. */
const ENDING = [
  /\/logout/,
  /^DELETE \/bridge\/v1\/people\/\{id\}$/,
  /^DELETE .*\/tokens/,
  /^DELETE .*\/links/,
];

function nameOf({ method, path }: Operation): string {
  return `${method} ${path}`;
}

/** Whether it would wait for news, which never come here. */
function isHeld({ parameters }: Operation): boolean {
  return parameters.some(({ name }) => name === 'timeout');
}

function ends(operation: Operation): boolean {
  return ENDING.some((pattern) => pattern.test(nameOf(operation)));
}

function all(): Operation[] {
  return SURFACES.flatMap((surface) => bridge.operations(surface));
}

/** Whether its answer has no end. */
function streams({ responses }: Operation): boolean {
  return responses['200']?.content?.['text/event-stream'] !== undefined;
}

/** All but those that would be the last, or never end. */
function operations(): Operation[] {
  return all().filter((operation) => !ends(operation) && !streams(operation));
}

function keepsItsWord(operation: Operation, got: Got): void {
  expect(bridge.broken(operation, got), nameOf(operation)).toBeNull();
}

describe.each(SURFACES)('the document of %s', (surface) => {
  it('is one of OpenAPI 3.1 without faults', async () => {
    const config = await createConfig({ extends: ['recommended'], rules: RULES });
    const source = JSON.stringify(bridge.documents[surface]);
    const problems = await lintFromString({ source, absoluteRef: `${surface}.json`, config });
    expect(bridge.documents[surface].openapi).toBe('3.1.0');
    expect(problems.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([]);
  });

  it('has each route', () => {
    const documented = bridge.operations(surface).map(nameOf);
    expect(documented.sort()).toMatchSnapshot();
  });
});

describe('the server', () => {
  it('grants what the documents give as examples', async () => {
    const granted = operations().filter((operation) => {
      const promises = Object.keys(operation.responses).some((status) => status.startsWith('2'));
      return promises && !NEVER_GRANTED.includes(nameOf(operation));
    });
    expect(granted.length).toBeGreaterThan(60);
    for (const operation of granted) {
      const query = Object.fromEntries(
        operation.parameters
          .filter((each) => each.in === 'query' && each.required === true)
          .map(({ name, schema }) => [name, String(exampleOf(schema))]),
      );
      if (isHeld(operation)) query['timeout'] = '0';
      const example = operation.body && { body: exampleOf(operation.body) };
      const known = nameOf(operation) in KNOWING && { body: KNOWING[nameOf(operation)] };
      const body = known || example;
      const got = await bridge.send(operation, { query, ...body });
      keepsItsWord(operation, got);
      expect([nameOf(operation), Math.floor(got.status / 100), got.text]).toEqual([
        nameOf(operation),
        2,
        got.text,
      ]);
    }
  });

  it('grants also what ends tokens, people and links', async () => {
    for (const { surface, method, path } of all().filter(ends)) {
      const own = await DocumentedBridge.make();
      const operation = own.operations(surface).find((each) => each.method === method && each.path === path)!;
      const got = await own.send(operation, {});
      expect([path, own.broken(operation, got)]).toEqual([path, null]);
      await own.close();
    }
  });

  it('answers as documented whatever fits the documents', async () => {
    for (const operation of operations()) {
      const query = fc.record(
        Object.fromEntries(
          operation.parameters
            .filter((each) => each.in === 'query')
            .map(({ name, schema }) => [name, valuesOf(schema).map(String)]),
        ),
        { requiredKeys: [] },
      );
      const body = operation.body ? valuesOf(operation.body) : fc.constant(undefined);
      const property = fc.asyncProperty(query, body, async (asked, said) => {
        const waits = isHeld(operation) ? { timeout: '0' } : {};
        const got = await bridge.send(operation, { query: { ...asked, ...waits }, body: said });
        keepsItsWord(operation, got);
        expect(got.status).not.toBe(500);
      });
      await fc.assert(property, { numRuns: operation.body ? 12 : 4 });
    }
  });

  it('refuses, as documented, what does not fit', async () => {
    const anything = fc.jsonValue({ maxDepth: 2 });
    for (const operation of operations()) {
      const { body } = operation;
      if (!body) continue;
      const fits = bridge.validator(body);
      const property = fc.asyncProperty(anything, async (said) => {
        fc.pre(!fits(said));
        const got = await bridge.send(operation, { body: said });
        keepsItsWord(operation, got);
        expect([nameOf(operation), got.status >= 400 && got.status < 500]).toEqual([nameOf(operation), true]);
      });
      await fc.assert(property, { numRuns: 8 });
      for (const text of ['', '{', '"', '\ud800', `{"x":"${'x'.repeat(1_100_000)}"}`]) {
        keepsItsWord(operation, await bridge.send(operation, { body: text }));
      }
    }
  });

  it('refuses, as documented, whoever has no token or a wrong one', async () => {
    for (const operation of all().filter(({ open }) => !open)) {
      for (const token of [null, 'wrong', '1.wrong', 'a b']) {
        const got = await bridge.send(operation, { token });
        keepsItsWord(operation, got);
        expect([nameOf(operation), got.status >= 400]).toEqual([nameOf(operation), true]);
      }
    }
  });

  it('answers as documented whatever the paths name', async () => {
    const ids = ['x', '@una:localhost', '@nobody:localhost', '0', '9', '🔥', '%', '@_plexichat_7:localhost'];
    for (const operation of operations()) {
      const names = operation.parameters.filter((each) => each.in === 'path').map(({ name }) => name);
      if (names.length === 0) continue;
      for (const id of ids) {
        const path = Object.fromEntries(names.map((name) => [name, id]));
        const body = operation.body ? { body: exampleOf(operation.body) } : {};
        keepsItsWord(operation, await bridge.send(operation, { path, ...body }));
      }
    }
  });
});

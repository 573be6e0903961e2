import fc from 'fast-check';
import type { Caller, FuzzWorld } from './world.ts';
import { CALLERS } from './world.ts';
import type { Route } from './routes.ts';

export interface FuzzRequest {
  readonly route: Route;
  readonly caller: Caller;
  /** For the parameters of the path in turn. */
  readonly names: readonly Name[];
  readonly query: readonly (readonly [string, string])[];
  /** Absent where there is none; text and bytes as they are. */
  readonly body: string | Uint8Array | undefined;
}

/** Something that stands for a name in a path: the n-th id of the world, or a text. */
export type Name = number | string;

const junk: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    '__proto__',
    'constructor',
    '..',
    '.',
    '%',
    '\0',
    '\u202e',
    '\ud800',
    '-1',
    '1e9',
    'null',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.integer().map(String),
  fc.constantFrom(129, 2049, 9000).map((length) => 'ü'.repeat(length)),
);

/** Values that some field somewhere takes, each beside what none does. */
const WORDS = [
  ...['online', 'idle', 'dnd', 'invisible', 'offline', 'unavailable', 'free_for_chat', 'chat'],
  ...['plexichat', 'matrix', 'everyone', 'contacts', 'nobody', 'm.presence', 'm.login.password', 'client'],
  ...[
    '@pat:localhost',
    '@nina:localhost',
    '175928847299117064',
    '@_plexichat_5:localhost',
    ':computer:',
    '🔥',
  ],
];
/** Names of fields that bodies have; those of the documented API come from its document. */
const FIELDS = [
  ...['status', 'custom_status', 'custom_emoji', 'presence', 'status_msg', 'invite', 'drop', 'user_id'],
  ...['types', 'senders', 'limit', 'room', 'event_fields', 'events', 'ephemeral', 'edus', 'content', 'type'],
  ...['sender', 'last_active_ago', 'currently_active', 'transaction_id'],
];
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  leaf: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<unknown>(...WORDS) },
    { weight: 1, arbitrary: junk },
    { weight: 1, arbitrary: fc.oneof(fc.integer(), fc.double(), fc.boolean(), fc.constant(null)) },
  ),
  value: fc.oneof(
    { weight: 6, arbitrary: tie('leaf') },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    {
      weight: 1,
      arbitrary: fc.dictionary(fc.constantFrom(...FIELDS, '__proto__'), tie('value'), { maxKeys: 3 }),
    },
  ),
})).value;

const QUERY = [
  ...['since', 'timeout', 'filter', 'set_presence', 'full_state', 'from', 'dir', 'limit', 'cursor', 'reveal'],
  ...['access_token', 'user_id', 'access_token[]', '__proto__'],
];

function bodyOf(schemas: readonly fc.Arbitrary<unknown>[], fields: readonly string[]) {
  const soup = fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 6 });
  return fc.oneof(
    { weight: 4, arbitrary: fc.oneof(...schemas, soup).map((json) => JSON.stringify(json)) },
    { weight: 2, arbitrary: soup.map((json) => JSON.stringify(json)) },
    { weight: 1, arbitrary: value.map((json) => JSON.stringify(json)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

/** Requests to any route, their bodies made of what the OpenAPI document says of it and of what other routes take. */
export function requests(routes: readonly Route[], document: OpenApi): fc.Arbitrary<FuzzRequest> {
  const fields = [...new Set([...FIELDS, ...propertiesOf(document)])];
  const name = fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 20 }) }, { weight: 1, arbitrary: junk });
  return fc.constantFrom(...routes).chain((route) => {
    const schema = bodySchemaOf(document, route);
    return fc.record({
      route: fc.constant(route),
      caller: fc.constantFrom(...CALLERS, 'pat' as const, 'pat' as const),
      names: fc.array(name, { minLength: 3, maxLength: 3 }),
      query: fc.array(fc.tuple(fc.constantFrom(...QUERY), fc.oneof(junk, value.map(textOf))), {
        maxLength: 3,
      }),
      body: bodyOf(schema ? [fromSchema(schema)] : [], fields),
    });
  });
}

/** The path with names in it, and the query behind it. Hidden people are named only by those to whom they must be hidden. */
export function urlOf({ route, names, query, caller }: FuzzRequest, { ids, own, hidden }: FuzzWorld): string {
  const pool = caller === 'operator' || caller === 'homeserver' ? ids : [...ids, ...own, ...hidden];
  let next = 0;
  const path = route.path.replace(/:\w+|\*/g, () => {
    const name = names[next++ % names.length] ?? '';
    const text = typeof name === 'number' ? (pool[name % pool.length] ?? '') : name;
    return encodeURIComponent(text.toWellFormed());
  });
  const search = new URLSearchParams(
    query.map(([key, text]): [string, string] => [key, text.toWellFormed()]),
  );
  // Dots are resolved before anything is sent, as everywhere but over bare sockets.
  const { pathname } = new URL(path, 'http://bridge.test');
  return search.size === 0 ? pathname : `${pathname}?${search.toString()}`;
}

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

function bodySchemaOf({ paths }: OpenApi, { method, path }: Route): Schema | undefined {
  const operation = paths[path.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
  return operation?.requestBody?.content['application/json']?.schema;
}

function propertiesOf({ paths }: OpenApi): string[] {
  const schemas = Object.values(paths).flatMap((operations) =>
    Object.values(operations).flatMap(
      ({ requestBody }) => requestBody?.content['application/json']?.schema ?? [],
    ),
  );
  const namesIn = (schema: Schema): string[] => [
    ...Object.keys(schema.properties ?? {}),
    ...[...(schema.anyOf ?? []), ...(schema.allOf ?? [])].flatMap(namesIn),
  ];
  return schemas.flatMap(namesIn);
}

/** What fits the schema, or nearly: a leaf may be anything now and then. */
function fromSchema(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.enum) return oftenOr(fc.constantFrom(...schema.enum));
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(fromSchema));
  if (schema.allOf) {
    return fc.tuple(...schema.allOf.map(fromSchema)).map((parts) => Object.assign({}, ...parts) as unknown);
  }
  if (schema.type === 'object') {
    const entries = Object.entries(schema.properties ?? {});
    const shape = Object.fromEntries(entries.map(([key, inner]) => [key, fromSchema(inner)]));
    return fc.record(shape, { requiredKeys: [] });
  }
  if (schema.type === 'array') return fc.array(fromSchema(schema.items ?? {}), { maxLength: 4 });
  if (schema.type === 'integer' || schema.type === 'number')
    return oftenOr(fc.integer({ min: -1, max: 4000 }));
  if (schema.type === 'boolean') return oftenOr(fc.boolean());
  return value;
}

function oftenOr(arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 9, arbitrary }, { weight: 1, arbitrary: value });
}

/** Texts as they are, anything else as JSON. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

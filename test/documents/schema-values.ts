import fc from 'fast-check';

/** As much of JSON Schema as the documents use. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly examples?: readonly unknown[];
  readonly example?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

const TEXTS = ['online', 'dnd', 'idle', 'offline', 'x', '7', '0', '@una:localhost', 'lunch 🔥', 'true'];

/** Values of a schema; what it leaves open takes values that like to mean something. */
export function valuesOf(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(valuesOf));
  if (schema.allOf) return valuesOf(merged(schema));
  const types = [schema.type ?? (schema.properties ? 'object' : 'any')].flat();
  return fc.oneof(...types.map((type) => ofType(type, schema)));
}

function ofType(type: string, schema: Schema): fc.Arbitrary<unknown> {
  const { minimum = 0, maximum = 1_000_000_000, examples = [] } = schema;
  if (type === 'string') return textOf(schema);
  if (type === 'integer') return fc.integer({ min: minimum, max: Math.min(maximum, 2 ** 31 - 1) });
  if (type === 'number') return fc.integer({ min: minimum, max: 1000 });
  if (type === 'boolean') return fc.boolean();
  if (type === 'null') return fc.constant(null);
  if (type === 'array') return fc.array(valuesOf(schema.items ?? {}), { maxLength: 3 });
  if (type === 'object') return objectOf(schema);
  return examples.length > 0 ? fc.constantFrom(...examples) : fc.jsonValue({ maxDepth: 1 });
}

function textOf({
  examples = [],
  minLength = 0,
  maxLength = Infinity,
  pattern,
}: Schema): fc.Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  const fits = (text: string) => Array.from(text).length >= minLength && Array.from(text).length <= maxLength;
  const known = [...examples.map(String), ...TEXTS].filter(fits);
  const longest = Number.isFinite(maxLength) ? { maxLength } : { maxLength: 20 };
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...known) },
    fc.string({ minLength, ...longest, unit: 'grapheme-ascii' }),
  );
}

function objectOf({ properties = {}, required = [] }: Schema): fc.Arbitrary<object> {
  const fields = Object.entries(properties).map(([name, schema]) => [name, valuesOf(schema)] as const);
  return fc.record(Object.fromEntries(fields), { requiredKeys: [...required] });
}

function merged({ allOf = [] }: Schema): Schema {
  return {
    type: 'object',
    properties: Object.assign({}, ...allOf.map(({ properties }) => properties)),
    required: allOf.flatMap(({ required = [] }) => required),
  };
}

/** One value with every field, made of the examples where there are any. */
export function exampleOf(schema: Schema): unknown {
  if (schema.examples?.length) return schema.examples[0];
  if (schema.example !== undefined) return schema.example;
  if (schema.anyOf?.[0]) return exampleOf(schema.anyOf[0]);
  if (schema.allOf) return exampleOf(merged(schema));
  if (schema.enum) return schema.enum[0];
  const required = Object.entries(schema.properties ?? {}).filter(
    ([name, field]) => schema.required?.includes(name) || hasExample(field),
  );
  if (schema.properties) return Object.fromEntries(required.map(([name, field]) => [name, exampleOf(field)]));
  if (schema.type === 'array') return [];
  return schema.type === 'string' ? 'x' : (schema.minimum ?? 0);
}

function hasExample({ examples, example, anyOf }: Schema): boolean {
  return examples !== undefined || example !== undefined || (anyOf?.some(hasExample) ?? false);
}

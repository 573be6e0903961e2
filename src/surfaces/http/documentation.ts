import type { SwaggerTransform } from '@fastify/swagger';
import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import type { OpenAPIV3_1 } from 'openapi-types';
import type { z } from 'zod';
import type { ErrorCode } from '../../presence/errors.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { Refusal } from './refusal.ts';

/** What is told of a route that parses and writes by codecs of its own: Fastify itself does nothing by it. */
export interface Documentation {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly params?: z.ZodType;
  readonly querystring?: z.ZodType;
  readonly body?: z.ZodType;
  /** By status; errors aside. */
  readonly response: Readonly<Record<number, z.ZodType>>;
  readonly errors?: readonly ErrorCode[];
  /** Whether anybody may call. */
  readonly open?: boolean;
}

/** How any request of a user may be refused. */
export const ADMISSION = [
  'missing_token',
  'unknown_token',
  'rate_limited',
  'upstream_unavailable',
  'store_unavailable',
] as const satisfies readonly ErrorCode[];
/** How any request with a body may be refused. */
export const READING = [
  'not_json',
  'bad_json',
  'body_too_large',
  'overloaded',
] as const satisfies readonly ErrorCode[];

declare module 'fastify' {
  interface FastifyContextConfig {
    documentation?: Documentation;
    /** Of a route whose schemas are Fastify's: how it may be refused, besides what can happen to every request. */
    errors?: readonly ErrorCode[];
  }
}

/** A surface as it is documented. */
export interface Described {
  readonly title: string;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly securitySchemes: Readonly<Record<string, OpenAPIV3_1.SecuritySchemeObject>>;
  /** How the surface refuses, and the schema of what it then says. */
  readonly refusal: (error: BridgeError) => Refusal;
  readonly errorBody: z.ZodType;
  /** How any request of the route may be refused, by what its schemas ask for. */
  readonly errorsOf: (route: DescribedRoute) => readonly ErrorCode[];
}

export interface DescribedRoute {
  readonly url: string;
  readonly method: string;
  readonly schema: FastifySchema;
  readonly open: boolean;
}

/** The OpenAPI document of a surface, once its server is ready. */
export type ApiDocument = () => object;

/** Where the document of a surface goes. */
export interface Publication {
  /** Of the bridge. */
  readonly version: string;
  readonly publish: (document: ApiDocument) => void;
}

/** Whatever is asked, the server may fail at it. */
const ALWAYS: readonly ErrorCode[] = ['internal'];

/**
 * Documents the routes that are registered on `app` from now on, by what they carry; those that carry nothing are left out.
 * Errors come from the surface's own table.
 */
export async function document(
  app: FastifyInstance,
  { version, publish }: Publication,
  described: Described,
): Promise<void> {
  const { title, description, tags, securitySchemes } = described;
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title, description, version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      servers: [{ url: '/' }],
      tags: Object.entries(tags).map(([name, text]) => ({ name, description: text })),
      components: { securitySchemes },
      security: Object.keys(securitySchemes).map((name) => ({ [name]: [] })),
    },
    transform: transform(described),
  });
  publish(() => app.swagger());
}

function transform(described: Described): SwaggerTransform {
  return ({ url, route, ...rest }) => {
    const { documentation, errors = [] } = route.config ?? {};
    const { errors: own = errors, open = false, ...told } = documentation ?? {};
    const schema: FastifySchema = { ...route.schema, ...told };
    if (schema.hide === true || schema.summary === undefined) return { schema: { hide: true }, url };
    const method = String(route.method);
    const general = described.errorsOf({ url, method, schema, open: open || schema.security?.length === 0 });
    const codes = [...general, ...own, ...ALWAYS];
    const response = { ...(schema.response as object | undefined), ...refusals(codes, described) };
    const operationId = `${method.toLowerCase()}${url.replace(/[^a-z0-9]+/gi, '_')}`.replace(/_$/, '');
    return jsonSchemaTransform({
      ...rest,
      url,
      route,
      schema: { ...schema, ...(open && { security: [] }), operationId, response },
    });
  };
}

/** By status, what the surface says in each of these cases. */
function refusals(codes: readonly ErrorCode[], { refusal, errorBody }: Described) {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set(codes)) {
    const { status } = refusal(new BridgeError(code));
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, cases]) => {
      const examples = cases.map((code) => refusal(new BridgeError(code)).body);
      const description = cases.map((code) => code.replaceAll('_', ' ')).join(', ');
      const content = { 'application/json': { schema: errorBody.meta({ examples }) } };
      return [status, { description, content }];
    }),
  );
}

import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeRegistration } from '../../src/connectors/matrix/registration.ts';
import { writeRegistration } from '../../src/connectors/matrix/registration-file.ts';
import { systemSecrets } from '../../src/secrets.ts';
import type { TestApp, TestPerson } from '../helpers/app.ts';
import { makeApp, OPERATOR } from '../helpers/app.ts';
import type { Schema } from './schema-values.ts';
import { exampleOf } from './schema-values.ts';

export const SURFACES = ['plexichat', 'matrix', 'appservice', 'bridge'] as const;
export type Surface = (typeof SURFACES)[number];

/** Nobody listens there. */
const HOMESERVER = 'http://127.0.0.1:9';

export interface Media {
  readonly schema: Schema;
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: Schema;
}

export interface Operation {
  readonly surface: Surface;
  readonly method: string;
  readonly path: string;
  readonly open: boolean;
  readonly tags: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly body: Schema | null;
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>;
}

export interface Sent {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  /** Absent: none. Text is sent as it is. */
  readonly body?: unknown;
  readonly token?: string | null;
}

export interface Got {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** The whole bridge, beside a homeserver that cannot be reached, with the documents it serves of itself. */
export class DocumentedBridge {
  readonly app: TestApp;
  readonly documents: Readonly<Record<Surface, any>>;
  readonly #una: TestPerson;
  readonly #hsToken: string;
  readonly #folder: string;
  readonly #validators = new Map<Schema, ValidateFunction>();
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false });

  private constructor(
    app: TestApp,
    documents: Readonly<Record<Surface, any>>,
    una: TestPerson,
    hsToken: string,
    folder: string,
  ) {
    this.app = app;
    this.documents = documents;
    this.#una = una;
    this.#hsToken = hsToken;
    this.#folder = folder;
  }

  static async make(): Promise<DocumentedBridge> {
    const folder = mkdtempSync(join(tmpdir(), 'plexibridge-documents-'));
    const terms = { serverName: 'localhost', standInTemplate: '@_plexichat_{id}:{server_name}' };
    const made = makeRegistration(terms, 'http://127.0.0.1:8790', systemSecrets);
    const registration = join(folder, 'registration.yaml');
    writeRegistration(registration, made, terms, false);
    const app = await makeApp({
      matrix: { homeserver: { url: HOMESERVER, registration } },
      limits: { writes: { burst: 1e6, per_second: 1 }, failed_auth: { burst: 1e6, per_second: 1 } },
    });
    // What a homeserver sends is taken by the node that is connected to it, once it serves.
    await app.http.listen({ host: '127.0.0.1', port: 0 });
    const una = await app.person({ plexichat_id: '175928847299117063', matrix_id: '@una:localhost' });
    const contact = await app.person({ plexichat_id: '175928847299117064' });
    const list = `/_matrix/client/r0/presence/list/${una.matrix.id}`;
    await app.call('POST', list, una.matrix.token, { invite: [contact.matrix.id] });
    const said = { status: 'dnd', custom_status: 'lunch', custom_emoji: '🔥' };
    await app.call('PUT', '/api/v1/users/@me/presence', contact.plexichat.token, said);
    const documents: Partial<Record<Surface, any>> = {};
    for (const surface of SURFACES) {
      documents[surface] = (await app.call('GET', `/bridge/openapi/${surface}.json`, '')).body;
    }
    return new DocumentedBridge(app, documents as Record<Surface, any>, una, made.hsToken, folder);
  }

  /** Whether those who call still can: a test in which they cannot shows nothing. */
  async isWhole(): Promise<boolean> {
    const { plexichat, matrix } = this.#una;
    const replies = [
      await this.app.call('GET', '/api/v1/users/@me', plexichat.token),
      await this.app.call('GET', '/_matrix/client/v3/account/whoami', matrix.token),
    ];
    return replies.every(({ status }) => status === 200);
  }

  async close(): Promise<void> {
    await this.app.http.close();
    rmSync(this.#folder, { recursive: true });
  }

  operations(surface: Surface): Operation[] {
    const { paths } = this.documents[surface];
    return Object.entries<Record<string, any>>(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({
        surface,
        path,
        method: method.toUpperCase(),
        open: operation.security?.length === 0,
        tags: operation.tags,
        parameters: operation.parameters ?? [],
        body: operation.requestBody?.content['application/json'].schema ?? null,
        responses: operation.responses,
      })),
    );
  }

  async send(operation: Operation, { path = {}, query = {}, body, token }: Sent): Promise<Got> {
    const filled = operation.path.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(path[name] ?? this.#idFor(operation, name)),
    );
    const bearer = token === undefined ? this.tokenFor(operation) : token;
    const reply = await this.app.http.inject({
      method: operation.method as 'GET',
      url: `${filled}?${new URLSearchParams(query).toString()}`,
      headers: {
        'content-type': 'application/json',
        ...Object.fromEntries(
          operation.parameters.filter((each) => each.in === 'header').map(({ name }) => [name, 'x']),
        ),
        ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
      },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const type = String(reply.headers['content-type'] ?? '').split(';')[0]!;
    return { status: reply.statusCode, type, text: reply.body };
  }

  /** Why the answer is not one that the document promises; null when it is. */
  broken(operation: Operation, { status, type, text }: Got): string | null {
    const response = operation.responses[String(status)];
    if (!response) return `${status} is not documented: ${text}`;
    if (!response.content) return text === '' ? null : `${status} should have no body: ${text}`;
    const media = response.content[type];
    if (!media) return `${status} comes as ${type}`;
    const value: unknown = type === 'application/json' ? JSON.parse(text) : text;
    const validate = this.validator(media.schema);
    return validate(value) ? null : `${status} ${text}: ${this.#ajv.errorsText(validate.errors)}`;
  }

  validator(schema: Schema): ValidateFunction {
    const known = this.#validators.get(schema) ?? this.#ajv.compile(schema);
    this.#validators.set(schema, known);
    return known;
  }

  tokenFor({ surface, tags }: Operation): string {
    if (surface === 'appservice') return this.#hsToken;
    if (surface === 'bridge') return tags.includes('me') ? this.#una.matrix.token : OPERATOR;
    return this.#una[surface].token;
  }

  /** What the paths name: Una where it may be anybody. */
  #idFor({ surface, path, parameters }: Operation, name: string): string {
    if (name === 'userId' && surface === 'matrix') return this.#una.matrix.id;
    if (name === 'other') return '175928847299117064';
    if (name === 'id') return path.includes('/me/') ? '175928847299117064' : this.#una.id;
    if (name === 'filterId') return Buffer.from('{}').toString('base64url');
    if (name === 'protocol') return 'plexichat';
    const parameter = parameters.find((each) => each.name === name && each.in === 'path');
    return String(exampleOf({ ...parameter?.schema, ...example(parameter) }));
  }
}

function example(parameter: unknown): Schema {
  const { example: given } = (parameter ?? {}) as { example?: unknown };
  return given === undefined ? {} : { examples: [given] };
}

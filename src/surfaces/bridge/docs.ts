import swaggerUi from '@fastify/swagger-ui';
import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';
import type { ApiDocument } from '../http/documentation.ts';

export interface DocsOptions {
  /** By the name of their surface. */
  readonly documents: ReadonlyMap<string, ApiDocument>;
}

const LOGO = new URL('page/icon.svg', import.meta.url);

/** The page draws itself by scripts and sets styles from them; it needs nothing from elsewhere. */
const POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': ["'self'", 'data:'],
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none';",
};

/** The OpenAPI documents of all surfaces under `/openapi`, and a page that shows them. */
export async function docs(app: FastifyInstance, { documents }: DocsOptions): Promise<void> {
  const hidden = { schema: { hide: true } };
  const ofSurface = (name: string) => {
    const document = documents.get(name);
    if (!document) throw new BridgeError('not_found', 'No such document');
    return document();
  };
  app.get('/openapi.json', hidden, () => ofSurface('bridge'));
  app.get<{ Params: { name: string } }>('/openapi/:name.json', hidden, ({ params }) =>
    ofSurface(params.name),
  );
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    indexPrefix: app.prefix,
    logo: { type: 'image/svg+xml', content: readFileSync(LOGO), href: '/bridge/', target: '_self' },
    theme: { title: 'API · plexibridge' },
    staticCSP: POLICY,
    uiConfig: {
      urls: [...documents.keys()].map((name) => ({ name, url: `/bridge/openapi/${name}.json` })),
      validatorUrl: null,
      persistAuthorization: false,
    },
  });
}

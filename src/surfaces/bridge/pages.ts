import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const OWN = fileURLToPath(new URL('page', import.meta.url));

/** Served under `/bridge/assets`; those with a colon are a file beside the entry of a package. */
const ASSETS: Readonly<Record<string, string>> = {
  'style.css': 'style.css',
  'icon.svg': 'icon.svg',
  'dashboard.js': 'dashboard.js',
  'overview.js': 'overview.js',
  'people.js': 'people.js',
  'person.js': 'person.js',
  'audit.js': 'audit.js',
  'chart.js': 'chart.js',
  'parts.js': 'parts.js',
  'api.js': 'api.js',
  'me.js': 'me.js',
  'preact.js': 'preact:preact.module.js',
  'hooks.js': 'preact/hooks:hooks.module.js',
  'htm.js': 'htm:htm.module.js',
  'uplot.js': 'uplot:uPlot.esm.js',
  'uplot.css': 'uplot:uPlot.min.css',
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface File {
  readonly type: string;
  readonly bytes: Buffer;
  readonly etag: string;
}

/** The dashboard at `/`, a user's own page at `/me`, and what they are made of; read once, with nothing from elsewhere. */
export function pages(app: FastifyInstance): void {
  const hidden = { schema: { hide: true } };
  for (const [url, name] of [
    ['/', 'dashboard.html'],
    ['/me', 'me.html'],
  ] as const) {
    const file = read(join(OWN, name));
    const policy = policyFor(file.bytes.toString());
    app.get(url, hidden, (request, reply) => {
      void reply.headers({
        'content-security-policy': policy,
        'cross-origin-opener-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
      });
      return send(request, reply, file);
    });
  }
  for (const [name, source] of Object.entries(ASSETS)) {
    const file = read(pathOf(source));
    app.get(`/assets/${name}`, hidden, (request, reply) => send(request, reply, file));
  }
}

function pathOf(source: string): string {
  const [name = '', path] = source.split(':');
  if (path === undefined) return join(OWN, name);
  return join(dirname(createRequire(import.meta.url).resolve(name)), path);
}

function read(path: string): File {
  const bytes = readFileSync(path);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`;
  return { type: TYPES[extname(path)] ?? 'application/octet-stream', bytes, etag };
}

function send(request: FastifyRequest, reply: FastifyReply, { type, bytes, etag }: File): FastifyReply {
  void reply.headers({ etag, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' });
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  return reply.type(type).send(bytes);
}

/** Nothing but our own files, and the one script that must stand in the page: the map of its modules. */
function policyFor(html: string): string {
  const inline = /<script type="importmap">([\s\S]*?)<\/script>/.exec(html)?.[1] ?? '';
  const hash = createHash('sha256').update(inline).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

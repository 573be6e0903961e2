import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Outbound } from '../../src/connectors/outbound.ts';
import { registeredTracing, traced } from '../../src/metrics/tracing.ts';
import { openSqliteStore } from '../../src/stores/sqlite/open-store.ts';
import { makeApp } from '../helpers/app.ts';
import { startServer } from './one-reply.ts';
import type { RegisteredSpans } from './registered-spans.ts';
import { registerSpans } from './registered-spans.ts';

const UNA = { plexichat_id: '175928847299117063', matrix_id: '@una:localhost' };

const work = () => Promise.resolve('done');

describe('without an SDK', () => {
  it('there is nothing: the work is called as it is', () => {
    expect(registeredTracing()).toBeNull();
    expect(traced('store.commit', {}, work)).toBe(work);
  });
});

describe('with an SDK', () => {
  let spans: RegisteredSpans;
  beforeEach(() => {
    spans = registerSpans();
  });
  afterEach(() => spans[Symbol.asyncDispose]());

  const told = () => spans.ended().map(({ name, attributes }) => ({ name, ...attributes }));

  it('each request is a span, by its route and status', async () => {
    const app = await makeApp();
    const una = await app.person(UNA);
    const before = spans.ended().length;
    await app.call('PUT', '/api/v1/users/@me/presence', una.plexichat.token, { status: 'dnd' });
    await app.call('GET', `/_matrix/client/v3/presence/@una:localhost/status`, una.matrix.token);
    await app.call('GET', `/api/v1/nowhere/${UNA.plexichat_id}`, una.plexichat.token);
    await app.http.close();
    expect(told().slice(before)).toEqual([
      {
        name: 'PUT /api/v1/users/:userId/presence',
        'http.request.method': 'PUT',
        'http.route': '/api/v1/users/:userId/presence',
        'http.response.status_code': 200,
      },
      {
        name: 'GET /_matrix/client/v3/presence/:userId/status',
        'http.request.method': 'GET',
        'http.route': '/_matrix/client/v3/presence/:userId/status',
        'http.response.status_code': 200,
      },
      { name: 'GET', 'http.request.method': 'GET', 'http.response.status_code': 404 },
    ]);
  });

  it('a request that fails is a failed span, without words of the failure', async () => {
    const app = await makeApp();
    Object.assign(app.store, { meta: () => Promise.reject(new Error(`no place for ${UNA.matrix_id}`)) });
    expect((await app.call('GET', '/readyz', '')).status).toBe(503);
    await app.http.close();
    const failed = spans.ended().filter(({ status }) => status.code === SpanStatusCode.ERROR);
    expect(failed.map(({ name }) => name)).toEqual(['GET /readyz']);
    expect(everything(failed)).not.toContain('una');
  });

  it('tells nothing of whoever is invisible: no id, no mode, no text, no address', async () => {
    const app = await makeApp();
    const una = await app.person(UNA);
    await app.call('PUT', '/bridge/v1/me/mode', una.matrix.token, { mode: 'invisible', text: 'hiding' });
    await app.call('GET', `/api/v1/users/${UNA.plexichat_id}/presence`, una.plexichat.token);
    await app.call('GET', `/_matrix/client/v3/sync?access_token=${una.matrix.token}&timeout=0`, '');
    await app.http.close();
    expect(spans.ended().length).toBeGreaterThanOrEqual(4);
    const text = everything(spans.ended());
    for (const secret of [
      ...Object.values(UNA),
      'una',
      'invisible',
      'hiding',
      '127.0.0.1',
      una.matrix.token,
    ]) {
      expect(text).not.toContain(secret);
    }
  });

  it('each commit of the embedded store is one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexibridge-spans-'));
    const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const store = await openSqliteStore({ path: folder, logger });
    await store.commit([{ row: 'meta', key: 'secret-key', value: 'secret-value' }]);
    await store[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
    expect(told()).toEqual([{ name: 'store.commit', 'db.system.name': 'sqlite' }]);
  });

  it('each request to a real server is one, without its path', async () => {
    await using server = await startServer(429);
    await using outbound = outboundTo(server.url);
    const { status } = await outbound.request({ method: 'PUT', path: `/presence/${UNA.plexichat_id}` });
    expect([status, server.paths]).toEqual([429, [`/presence/${UNA.plexichat_id}`]]);
    expect(told()).toEqual([
      {
        name: 'PUT',
        'http.request.method': 'PUT',
        'server.address': new URL(server.url).host,
        'http.response.status_code': 429,
      },
    ]);
  });

  it('one that gets no answer is failed, with the kind of fault', async () => {
    const server = await startServer(200);
    await server[Symbol.asyncDispose]();
    await using outbound = outboundTo(server.url);
    await expect(outbound.request({ method: 'GET', path: '/' })).rejects.toThrow();
    const [span] = spans.ended();
    expect([span?.status, span?.attributes['error.type']]).toEqual([
      { code: SpanStatusCode.ERROR },
      'refused',
    ]);
  });
});

function outboundTo(baseUrl: string): Outbound {
  const limits = { timeoutMs: 5000, maxBodyBytes: 1000, connections: 1 };
  return new Outbound({ baseUrl, userAgent: 'test', ...limits });
}

/** All that an exporter could pass on. */
function everything(spans: readonly ReadableSpan[]): string {
  return JSON.stringify(
    spans.map(({ name, attributes, events, links, status }) => ({ name, attributes, events, links, status })),
  );
}

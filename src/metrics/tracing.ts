import type { Attributes, Tracer } from '@opentelemetry/api';
import { isSpanContextValid, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

const NAME = 'plexibridge';

/** Adds to what a span says. */
export type Note = (attributes: Attributes) => void;

export interface AnsweredRequest {
  readonly method: string;
  /** With the names of its parameters, never their values; absent where there is no such route. */
  readonly route?: string | undefined;
  readonly status: number;
  /** From its head to the end of the answer, ms. */
  readonly elapsedMs: number;
}

/**
 * Spans for whoever has registered an SDK of OpenTelemetry before the bridge begins. Nothing of a person is in any: no id, no
 * address, no path with its values, no word of a presence, no message of an error.
 */
export interface Tracing {
  /** Runs the work as a span of its own, which fails when the work does. Errors are those of the work. */
  span<Result>(name: string, attributes: Attributes, work: (note: Note) => Promise<Result>): Promise<Result>;
  /** A request that somebody sent us, now that it is answered. */
  answered(request: AnsweredRequest): void;
}

/** Null when no SDK is registered: then there is nothing to pay. */
export function registeredTracing(): Tracing | null {
  const tracer = trace.getTracer(NAME);
  // Without an SDK nothing ever has a place in a trace; with one everything has, even what is not kept.
  if (!isSpanContextValid(tracer.startSpan('begin', { root: true }).spanContext())) return null;
  return {
    span: (name, attributes, work) => spanOf(tracer, name, attributes, work),
    answered: (request) => tellAnswered(tracer, request),
  };
}

/** The work itself, or, when an SDK is registered, the work as a span each time. */
export function traced<Args extends readonly unknown[], Result>(
  name: string,
  attributes: Attributes,
  work: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  const tracing = registeredTracing();
  return tracing === null ? work : (...args) => tracing.span(name, attributes, () => work(...args));
}

/** No request is its parent: a batch is of many, a push of none. */
async function spanOf<Result>(
  tracer: Tracer,
  name: string,
  attributes: Attributes,
  work: (note: Note) => Promise<Result>,
): Promise<Result> {
  const span = tracer.startSpan(name, { attributes, kind: SpanKind.CLIENT, root: true });
  try {
    return await work((more) => void span.setAttributes(more));
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

function tellAnswered(tracer: Tracer, { method, route, status, elapsedMs }: AnsweredRequest): void {
  const span = tracer.startSpan(route === undefined ? method : `${method} ${route}`, {
    kind: SpanKind.SERVER,
    root: true,
    startTime: Date.now() - elapsedMs,
    attributes: {
      'http.request.method': method,
      ...(route !== undefined && { 'http.route': route }),
      'http.response.status_code': status,
    },
  });
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

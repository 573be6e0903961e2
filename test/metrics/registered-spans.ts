import { trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

export interface RegisteredSpans extends AsyncDisposable {
  /** All that have ended. */
  ended(): ReadableSpan[];
}

/** Registers an SDK that keeps the spans in memory, as an operator's would before the bridge begins. */
export function registerSpans(): RegisteredSpans {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  trace.setGlobalTracerProvider(provider);
  return {
    ended: () => exporter.getFinishedSpans(),
    [Symbol.asyncDispose]: async () => {
      trace.disable();
      await provider.shutdown();
    },
  };
}

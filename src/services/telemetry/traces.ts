/**
 * Sends traces to a collector (OTLP over HTTP) when OTEL_EXPORTER_OTLP_ENDPOINT is set. The packages of OpenTelemetry are
 * loaded only then.
 */
import { diag, DiagLogLevel } from '@opentelemetry/api';
import type { ProblemKind } from '../../kernel/vocabulary/problem-kind.js';
import { traceWith } from '../../kernel/tracing/trace.js';

export interface TraceOptions {
  /** The URL of the collector, to which `/v1/traces` is added. */
  readonly endpoint: string;
  /** The part of traces that is kept, from 0 to 1. */
  readonly ratio: number;
  readonly serviceName: string;
}

/** A collector that does not take traces. */
export const TRACES_NOT_SENT: ProblemKind = {
  name: 'traces',
  reason: 'not_sent',
  sentence: 'traces could not be sent: see OTEL_EXPORTER_OTLP_ENDPOINT. Requests are not affected',
};

/** How long one request to the collector may take, and the end of the server may wait for it, in milliseconds. */
const EXPORTED_WITHIN_MS = 3_000;

/**
 * Switches traces on.
 *
 * @param options undefined: traces stay off, and nothing is loaded
 * @param onProblem is told why spans could not be sent
 * @returns sends the rest, and switches traces off; never fails
 */
export async function startTraces(
  options: TraceOptions | undefined,
  onProblem: (problem: string) => void,
): Promise<() => Promise<void>> {
  if (!options) return () => Promise.resolve();
  const { endpoint, ratio, serviceName } = options;
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const silent = (): void => undefined;
  diag.setLogger(
    { error: (problem) => onProblem(problem), warn: silent, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
  const byTrace = new sdk.TraceIdRatioBasedSampler(ratio);
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORTED_WITHIN_MS,
  });
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName }),
    // A client cannot ask for a trace to be kept. Servers decide by the id, so that all of them keep the same traces.
    sampler: new sdk.ParentBasedSampler({ root: byTrace, remoteParentSampled: byTrace }),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter, { exportTimeoutMillis: EXPORTED_WITHIN_MS })],
  });
  traceWith(provider.getTracer('tenantry'));
  return async () => {
    traceWith(undefined);
    await provider
      .shutdown()
      .catch((error: unknown) => onProblem(error instanceof Error ? error.name : 'unknown'));
    diag.disable();
  };
}

/**
 * Traces in the form of OpenTelemetry: a span for each step of a request, at about ten places of the server. Spans are handed
 * on with the request's context and not by AsyncLocalStorage, which would make every promise of the process dearer.
 *
 * Guarantees: while traces are off, or a request is not sampled, there is no Trace, and each place costs one comparison with
 * undefined. A span has names, ids, counts and the text of SQL without values; never a value, a header or the message of
 * an error.
 */
import {
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';

let tracer: Tracer | undefined;

/** Switches traces on, or off with undefined. */
export function traceWith(given: Tracer | undefined): void {
  tracer = given;
}

/** Whether traces are on. */
export const isTracing = (): boolean => tracer !== undefined;

export interface Beginning {
  readonly kind: 'server' | 'consumer';
  readonly attributes: Attributes;
  /** The `traceparent` of whoever caused it. It is checked; what is malformed is ignored. */
  readonly traceparent?: string | undefined;
}

const KINDS = { server: SpanKind.SERVER, consumer: SpanKind.CONSUMER, client: SpanKind.CLIENT } as const;

/** A span that is sampled and has not ended. */
export class Trace {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #context: Context;

  private constructor(by: Tracer, span: Span) {
    this.#tracer = by;
    this.#span = span;
    this.#context = trace.setSpan(ROOT_CONTEXT, span);
  }

  /** Begins the first span of this process. Undefined: traces are off, or this one is not sampled. */
  static begin(name: string, { kind, attributes, traceparent }: Beginning): Trace | undefined {
    if (!tracer) return undefined;
    const span = tracer.startSpan(name, { kind: KINDS[kind], attributes }, contextOf(traceparent));
    return span.isRecording() ? new Trace(tracer, span) : undefined;
  }

  /** The header that continues the trace elsewhere. */
  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  /** Begins a step of this one. */
  child(name: string, attributes: Attributes = {}, kind?: 'client'): Trace {
    const options = { attributes, ...(kind && { kind: KINDS[kind] }) };
    return new Trace(this.#tracer, this.#tracer.startSpan(name, options, this.#context));
  }

  /** Runs `work` as a step of this one. */
  async step<Result>(
    name: string,
    attributes: Attributes,
    work: (step: Trace) => Promise<Result>,
  ): Promise<Result> {
    const step = this.child(name, attributes);
    try {
      const result = await work(step);
      step.end();
      return result;
    } catch (error) {
      step.end(codeOf(error));
      throw error;
    }
  }

  name(name: string): void {
    this.#span.updateName(name);
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  /** @param failure the code of an error: of PostgreSQL, of the API, or the name of a class */
  end(failure?: string): void {
    if (failure !== undefined) {
      this.#span.setAttribute('error.type', failure);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }
}

/** What a span says of an error. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

function contextOf(traceparent: string | undefined): Context {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  const given = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(given) ? trace.setSpanContext(ROOT_CONTEXT, given) : ROOT_CONTEXT;
}

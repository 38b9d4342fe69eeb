/** The span of a request, from its head to the end of its answer. It continues the trace of the header `traceparent`. */
import type { FastifyInstance } from 'fastify';
import { isTracing, Trace } from '../kernel/tracing/trace.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined when the request is not traced. */
    trace: Trace | undefined;
  }
}

/** Installs the step. While traces are off, requests pay nothing. */
export function installTracing(app: FastifyInstance): void {
  app.decorateRequest('trace', undefined);
  if (!isTracing()) return;
  app.addHook('onRequest', async (request) => {
    const { url, config } = request.routeOptions;
    // Probes and metrics would be most of the traces.
    if (!config.authenticated && !config.operators) return;
    request.trace = Trace.begin(`${request.method} ${url ?? ''}`, {
      kind: 'server',
      attributes: {
        'http.request.method': request.method,
        'http.route': url ?? '',
        'tenantry.request_id': request.id,
      },
      traceparent: request.headers['traceparent']?.toString(),
    });
  });
  app.addHook('onResponse', async ({ trace, viewer, usage }, reply) => {
    if (!trace) return;
    trace.set({
      'http.response.status_code': reply.statusCode,
      ...(viewer && { 'tenant.id': viewer.tenantId }),
      ...(usage?.operation !== undefined && { 'graphql.operation.name': usage.operation }),
    });
    trace.end(usage?.codes[0] ?? (reply.statusCode >= 500 ? String(reply.statusCode) : undefined));
  });
}

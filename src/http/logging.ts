import type { FastifyLoggerOptions } from 'fastify';
import type { LoggerOptions } from 'pino';

/**
 * JSON lines, one per request and answer. A request is logged by method, path and id: headers carry tokens and
 * bodies carry tenants' data, so neither is.
 */
export function loggerOptions({
  logLevel,
}: {
  readonly logLevel: string;
}): FastifyLoggerOptions & LoggerOptions {
  return {
    level: logLevel,
    serializers: {
      req: ({ method, url, host }) => ({ method, path: url.split('?', 1)[0], host }),
      res: ({ statusCode }) => ({ statusCode }),
    },
  };
}

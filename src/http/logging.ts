import type { FastifyBaseLogger, FastifyInstance, FastifyLoggerOptions, FastifyRequest } from 'fastify';
import type { LoggerOptions } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from '../config.js';

/** JSON lines in production, lines for people in development. */
export function loggerOptions({
  logLevel,
  production,
}: Pick<Config, 'logLevel' | 'production'>): FastifyLoggerOptions & LoggerOptions {
  return {
    level: logLevel,
    ...(!production && {
      stream: pretty({
        singleLine: true,
        ignore: 'pid,hostname',
        translateTime: 'SYS:HH:MM:ss.l',
        sync: true,
      }),
    }),
  };
}

/**
 * One line per answer, with the request's id, and its tenant and actor once they are known. Neither headers nor bodies
 * are logged: the former carry tokens, the latter tenants' data.
 */
export function installRequestLog(app: FastifyInstance): void {
  app.addHook('onResponse', async (request, reply) => {
    const [path] = request.url.split('?', 1);
    const line = {
      method: request.method,
      path,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
    };
    request.log.info({ ...callerOf(request), ...line }, 'answered');
  });
}

/** The log of a request, whose lines carry its tenant and actor once they are known. Made when there is something to log. */
export const logOf = (request: FastifyRequest): FastifyBaseLogger => request.log.child(callerOf(request));

const callerOf = ({ viewer, guest }: FastifyRequest) =>
  viewer ? { tenant: viewer.tenantSlug, actor: viewer.actor.id } : guest ? { actor: guest.user.userId } : {};

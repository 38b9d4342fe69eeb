import { createRequire } from 'node:module';
import type { FastifyBaseLogger, FastifyInstance, FastifyLoggerOptions, FastifyRequest } from 'fastify';
import { destination, type LoggerOptions } from 'pino';
import type { Config } from '../kernel/config/config.js';
import { isMissing } from '../kernel/config/development-package.js';

type Pretty = typeof import('pino-pretty');

/**
 * JSON lines in production, and where pino-pretty is not installed; lines for people in development. What clients sent may
 * be in either, and cannot do anything to the terminal that shows them.
 */
export function loggerOptions({
  logLevel,
  production,
}: Pick<Config, 'logLevel' | 'production'>): FastifyLoggerOptions & LoggerOptions {
  const pretty = production ? undefined : prettyPrinter();
  if (pretty === undefined) return { level: logLevel, stream: escaping(destination(1), escapedInJson) };
  const options = { singleLine: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', sync: true };
  return { level: logLevel, stream: escaping(pretty(options), escapedForPeople) };
}

function prettyPrinter(): Pretty | undefined {
  try {
    return createRequire(import.meta.url)('pino-pretty') as Pretty;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

interface Lines {
  write(line: string): unknown;
}

const escaping = (to: Lines, escaped: (line: string) => string): Lines => ({
  write: (line) => to.write(escaped(line)),
});

/** What JSON leaves as it is: DEL, the control characters beyond ASCII, and what turns the direction of text. */
const LEFT_BY_JSON = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A line of JSON without any character that is not shown as itself. */
export const escapedInJson = (line: string): string =>
  line.replace(LEFT_BY_JSON, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * The same for a line that will be read as JSON and shown: there an escape must still be one. Line breaks stay, which
 * stacks are full of.
 */
export const escapedForPeople = (line: string): string =>
  escapedInJson(line).replace(/\\(?:\\|u00[01789]|u20|[brf])/g, (escape) =>
    escape === '\\\\' ? escape : `\\${escape}`,
  );

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

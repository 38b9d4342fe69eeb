import { createRequire } from 'node:module';
import process from 'node:process';
import type { FastifyBaseLogger, FastifyInstance, FastifyLoggerOptions, FastifyRequest } from 'fastify';
import { destination, type LoggerOptions } from 'pino';
import type { Config } from '../kernel/config/config.js';
import { isMissing } from '../kernel/config/development-package.js';
import type { RequestUsage } from '../kernel/request/request-usage.js';
import { actorName } from '../kernel/vocabulary/actor.js';

type Pretty = typeof import('pino-pretty');

/**
 * JSON lines in production and without pino-pretty; readable lines in development. Both may contain data of clients,
 * escaped so that it cannot control a terminal.
 */
export function loggerOptions({
  logLevel,
  production,
}: Pick<Config, 'logLevel' | 'production'>): FastifyLoggerOptions & LoggerOptions {
  const pretty = production ? undefined : prettyPrinter();
  if (pretty === undefined)
    return { level: logLevel, stream: escaping((standardOutput ??= gathering()), escapedInJson) };
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

/** Lines are written when they are so many bytes together, or after this time in milliseconds. */
const GATHERED_BYTES = 4_096;
const GATHERED_MS = 100;
/** The level of access lines. */
const INFO = '{"level":30,';

/** One for all servers of the process. */
let standardOutput: Lines | undefined;

/**
 * Writes lines of the level info together: a system call for each of them takes a twentieth of a server's time. Others are
 * written at once, after those before them, because the process may be about to end. At its end everything is written; when
 * it is killed, the last tenth of a second is lost.
 */
function gathering(): Lines {
  const stdout = destination({ dest: 1, minLength: GATHERED_BYTES, sync: true });
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    // Not `flushSync`, which waits for the disk: a log on a file would stop all requests meanwhile.
    stdout.flush();
  };
  process.on('exit', flush);
  return {
    write: (line) => {
      stdout.write(line);
      if (!line.startsWith(INFO)) flush();
      else timer ??= setTimeout(flush, GATHERED_MS).unref();
    },
  };
}

/**
 * Characters that JSON does not escape: DEL, control characters beyond ASCII, and those that change the direction of
 * text.
 */
const LEFT_BY_JSON = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A line of JSON with all invisible characters escaped. */
export const escapedInJson = (line: string): string =>
  line.replace(LEFT_BY_JSON, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * The same for a line that is parsed as JSON and then shown, so escapes must remain after parsing. Keeps line breaks,
 * which stacks contain.
 */
export const escapedForPeople = (line: string): string =>
  escapedInJson(line).replace(/\\(?:\\|u00[01789]|u20|[brf])/g, (escape) =>
    escape === '\\\\' ? escape : `\\${escape}`,
  );

declare module 'fastify' {
  interface FastifyRequest {
    /** What the operation has used; undefined before it begins, and for requests without one. */
    usage: RequestUsage | undefined;
  }
}

/**
 * One line per answer, with the request's id, its tenant and actor once they are known, and what its operation has used.
 * Neither headers nor bodies are logged: they contain tokens and tenants' data.
 */
export function installRequestLog(app: FastifyInstance): void {
  app.decorateRequest('usage', undefined);
  app.addHook('onResponse', (request, reply, done) => {
    const [path] = request.url.split('?', 1);
    const line = {
      method: request.method,
      path,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
    };
    request.log.info({ ...callerOf(request), ...line, ...usedBy(request.usage) }, 'answered');
    done();
  });
}

/** A name is chosen by the client. */
const LONGEST_NAME = 100;

/** What the access log says of an operation: its name, cost in points, time in the database in milliseconds, error codes. */
export function usedBy(usage: RequestUsage | undefined): Readonly<Record<string, unknown>> {
  if (!usage) return {};
  const { operation, cost, databaseMs, codes } = usage;
  return {
    ...(operation !== undefined && { operation: operation.slice(0, LONGEST_NAME) }),
    ...(cost !== undefined && { cost }),
    databaseMs: Math.round(databaseMs * 10) / 10,
    ...(codes.length > 0 && { codes }),
  };
}

/** The log of a request, whose lines have its tenant and actor once they are known. Created at its first use. */
export const logOf = (request: FastifyRequest): FastifyBaseLogger => request.log.child(callerOf(request));

const callerOf = ({ viewer, guest, operator }: FastifyRequest) =>
  viewer
    ? { tenant: viewer.tenantSlug, actor: actorName(viewer.actor) }
    : guest
      ? { actor: guest.user.userId }
      : operator
        ? { operator: operator.name }
        : {};

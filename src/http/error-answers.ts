/** Answers every failure outside GraphQL in the form of a GraphQL error, with a code of the closed list. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ERROR_STATUS, PublicError, publicError, type ErrorCode } from '../kernel/vocabulary/errors.js';
import type { LeavingErrors } from '../services/telemetry/leaving-errors.js';
import { logOf } from './logging.js';
import { retryAfter } from './retry-after.js';

export interface ErrorAnswer {
  readonly errors: readonly {
    readonly message: string;
    readonly extensions: Readonly<Record<string, unknown>>;
  }[];
}

/** The body of an answer that is nothing but this error. */
export const errorAnswer = (error: PublicError): ErrorAnswer => ({
  errors: [{ message: error.message, extensions: error.extensions }],
});

/** A BAD_REQUEST with another status. */
export class RefusedRequest extends PublicError {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super('BAD_REQUEST', message);
  }
}

/** The error for a defect: it contains only the id under which it is logged. */
export const maskedError = (details: { readonly requestId?: string } = {}): PublicError =>
  new PublicError('INTERNAL_SERVER_ERROR', 'Something went wrong on our side.', details);

const UNDECODABLE = '/undecodable-url';
/** `URL` takes the first part of the path for the host. */
const WITHOUT_HOST = /^https?:\/\/\//i;

/**
 * Routes a URL that cannot be decoded, because fastify would answer it before any hook has run. A URL with scheme and
 * host, which proxies receive, must be valid, and without a fragment, which no client sends.
 */
export function rewriteUndecodableUrl({ url = '' }: IncomingMessage): string {
  if (url.startsWith('/') && !url.includes('%')) return url;
  try {
    decodeURI(url.split('?', 1)[0] ?? '');
    if (url.startsWith('/') || url === '*') return url;
    return URL.canParse(url) && !url.includes('#') && !WITHOUT_HOST.test(url) ? url : UNDECODABLE;
  } catch {
    return UNDECODABLE;
  }
}

/**
 * Answers failures, URLs that cannot be decoded, paths where there is nothing and methods that a path does not have,
 * and counts them. Install it before the routes.
 */
export function installErrorAnswers(app: FastifyInstance, leaving: LeavingErrors): void {
  const methods = new Map<string, string[]>();
  app.addHook('onRoute', ({ url, method }) => {
    methods.set(url, [...(methods.get(url) ?? []), ...[method].flat()]);
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const known = publicError(error) ?? refusedByHttp(error);
    if (!known) logOf(request).error({ err: error }, 'request failed');
    const answer = known ?? maskedError({ requestId: request.id });
    leaving.see(answer.code, known ?? error);
    if (answer.code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer');
    refuse(request, reply, answer, refusalStatus(error));
  });
  app.all(UNDECODABLE, (request, reply) => {
    leaving.see('BAD_REQUEST', undefined);
    refuse(request, reply, new PublicError('BAD_REQUEST', 'The URL cannot be decoded.'));
  });
  app.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.url.split('?', 1);
    const allowed = methods.get(path.length > 1 ? path.replace(/\/$/, '') : path);
    if (allowed) {
      leaving.see('BAD_REQUEST', undefined);
      void reply.header('allow', allowed.join(', '));
      refuse(request, reply, new PublicError('BAD_REQUEST', `Use ${allowed.join(' or ')} here.`), 405);
      return;
    }
    const message = `There is nothing at ${request.method} ${path}.`;
    leaving.see('NOT_FOUND', undefined);
    refuse(request, reply, new PublicError('NOT_FOUND', message));
  });
}

const GRAPHQL_RESPONSE = 'application/graphql-response+json';

/**
 * The media type of an answer that is nothing but an error. That of GraphQL over HTTP tells a client that requests it that
 * the answer comes from the server, not from a proxy: it may then read the errors with any status (specification, section
 * 6.4.2).
 */
export const errorType = ({ accept }: IncomingHttpHeaders): string =>
  `${accept?.includes(GRAPHQL_RESPONSE) ? GRAPHQL_RESPONSE : 'application/json'}; charset=utf-8`;

function refuse(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  error: PublicError,
  status: number = ERROR_STATUS[error.code],
): void {
  const later = retryAfter([error]);
  if (later !== undefined) void reply.header('retry-after', later);
  void reply.type(errorType(headers)).code(status).send(errorAnswer(error));
}

/** Fastify's own refusals: malformed JSON, a body too large, an unknown content type, a server that is draining. */
function refusedByHttp(error: FastifyError): PublicError | undefined {
  const status = refusalStatus(error);
  if (status === undefined) return undefined;
  const code: ErrorCode = status === 503 ? 'UNAVAILABLE' : 'BAD_REQUEST';
  return new PublicError(code, error.message);
}

function refusalStatus(error: FastifyError): number | undefined {
  if (error instanceof RefusedRequest) return error.status;
  const { statusCode, code } = error;
  const refused = typeof code === 'string' && code.startsWith('FST_') && statusCode !== undefined;
  return refused && (statusCode < 500 || statusCode === 503) ? statusCode : undefined;
}

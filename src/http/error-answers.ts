/** Every failure outside GraphQL is answered in the form of a GraphQL error, with a code of the closed list. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyError } from 'fastify';
import { ERROR_STATUS, PublicError, publicError, type ErrorCode } from '../errors.js';
import { logOf } from './logging.js';

export interface ErrorAnswer {
  readonly errors: readonly {
    readonly message: string;
    readonly extensions: Readonly<Record<string, unknown>>;
  }[];
}

export const errorAnswer = (error: PublicError): ErrorAnswer => ({
  errors: [{ message: error.message, extensions: error.extensions }],
});

/** A BAD_REQUEST with a status of its own. */
export class RefusedRequest extends PublicError {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super('BAD_REQUEST', message);
  }
}

/** What a client is told of a defect: under which id it is logged, nothing else. */
export const maskedError = (details: { readonly requestId?: string } = {}): PublicError =>
  new PublicError('INTERNAL_SERVER_ERROR', 'Something went wrong on our side.', details);

const UNDECODABLE = '/undecodable-url';

/** Leads an URL that cannot be decoded to a route, for fastify would answer it before any hook has run. */
export function rewriteUndecodableUrl({ url = '' }: IncomingMessage): string {
  try {
    decodeURI(url.split('?', 1)[0] ?? '');
    return url;
  } catch {
    return UNDECODABLE;
  }
}

export function installErrorAnswers(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const known = publicError(error) ?? refusedByHttp(error);
    if (!known) logOf(request).error({ err: error }, 'request failed');
    const answer = known ?? maskedError({ requestId: request.id });
    if (answer.code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer');
    void reply.code(refusalStatus(error) ?? ERROR_STATUS[answer.code]).send(errorAnswer(answer));
  });
  app.all(UNDECODABLE, (_request, reply) => {
    void reply.code(400).send(errorAnswer(new PublicError('BAD_REQUEST', 'The URL cannot be decoded.')));
  });
  app.setNotFoundHandler((request, reply) => {
    void reply
      .code(404)
      .send(
        errorAnswer(
          new PublicError(
            'NOT_FOUND',
            `There is nothing at ${request.method} ${request.url.split('?', 1)[0]}.`,
          ),
        ),
      );
  });
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

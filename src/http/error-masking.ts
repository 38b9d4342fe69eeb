/**
 * Decides what clients see of errors, and what is logged and counted. A defect is logged in full; clients only get the
 * request id.
 */
import type { ApolloServerPlugin } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import { GraphQLError, Kind, type GraphQLFormattedError } from 'graphql';
import { badInput, publicError, PublicError } from '../kernel/vocabulary/errors.js';
import { KeptError } from '../services/idempotency/kept-result.js';
import type { LeavingErrors } from '../services/telemetry/leaving-errors.js';
import type { DoorContext } from './door.js';
import { maskedError } from './error-answers.js';

/**
 * The error that the client may see. An error without a path is about the client's own document and stays unchanged. A
 * failure with a corresponding public error becomes that error. Any other error of a resolver is a defect and is
 * masked.
 */
export function maskDefect(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const known = knownError(error);
  if (!known && formatted.path === undefined && !isDefect(formatted)) {
    return formatted;
  }
  const { message, extensions } = known ?? maskedError();
  return { ...formatted, message, extensions };
}

/**
 * The error of an execution that the client sees; a masked defect has the id of the request under which it is logged.
 */
export const publicForm = (
  error: GraphQLError,
  { requestId }: Pick<DoorContext, 'requestId'>,
): GraphQLFormattedError => withRequestId(maskDefect(error.toJSON(), error), requestId);

/** Adds the request id to a masked defect. A repeated answer keeps the id of its first request. */
const withRequestId = (error: GraphQLFormattedError, requestId: string): GraphQLFormattedError =>
  isDefect(error) ? { ...error, extensions: { requestId, ...error.extensions } } : error;

/** Whether a sent error is a masked defect. */
export const isDefect = ({ extensions }: GraphQLFormattedError): boolean =>
  extensions?.['code'] === 'INTERNAL_SERVER_ERROR';

function knownError(error: unknown): PublicError | undefined {
  return publicError(unwrapResolverError(error)) ?? refusedByRule(error) ?? refusedArgument(error);
}

/** The public error of a document that one of our rules refused. */
function refusedByRule(error: unknown): PublicError | undefined {
  const { originalError } = error instanceof GraphQLError ? error : {};
  return originalError instanceof PublicError ? originalError : undefined;
}

/**
 * The public error of a refused argument. graphql-js checks some arguments only before it calls the resolver; such an
 * error points at a value, not at a field.
 */
function refusedArgument(error: unknown): PublicError | undefined {
  if (!(error instanceof GraphQLError) || error.path === undefined) return undefined;
  const [node] = error.nodes ?? [];
  return node && node.kind !== Kind.FIELD ? badInput(error.message) : undefined;
}

/** Counts every error, logs each defect in full, and sends the client the request id under which it is logged. */
export const reportErrors = (leaving: LeavingErrors): ApolloServerPlugin<DoorContext> => ({
  async requestDidStart() {
    return {
      async didEncounterErrors({ errors, contextValue }) {
        for (const error of errors) {
          const known = knownError(error);
          leaving.see(known?.code ?? codeOf(error), known ?? error);
          if (error instanceof KeptError) continue;
          if (known?.code === 'INTERNAL_SERVER_ERROR' || (!known && error.path)) {
            const err = unwrapResolverError(error);
            contextValue.log.error({ err, path: error.path?.join('.') }, 'a resolver failed');
          }
        }
      },
      async willSendResponse({ response: { body }, contextValue }) {
        if (body.kind !== 'single' || !body.singleResult.errors) return;
        body.singleResult.errors = body.singleResult.errors.map((error) =>
          withRequestId(error, contextValue.requestId),
        );
      },
    };
  },
});

/**
 * The code of an error that has no public error: with a path it is masked, without one it is about the request itself.
 */
const codeOf = ({ path, extensions }: GraphQLError): string =>
  path
    ? 'INTERNAL_SERVER_ERROR'
    : typeof extensions['code'] === 'string'
      ? extensions['code']
      : 'BAD_USER_INPUT';

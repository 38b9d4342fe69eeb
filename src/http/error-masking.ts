/** What clients are told of errors, what of them is logged and what is counted. A defect is logged in full and told to nobody. */
import type { ApolloServerPlugin } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import { GraphQLError, Kind, type GraphQLFormattedError } from 'graphql';
import type { RequestContext } from '../kernel/graphql/request-context.js';
import { badInput, publicError, PublicError } from '../kernel/vocabulary/errors.js';
import { KeptError } from '../services/idempotency/kept-result.js';
import type { LeavingErrors } from '../services/telemetry/leaving-errors.js';
import { maskedError } from './error-answers.js';

/**
 * Turns an error into what the client may know of it. What has no path speaks of the client's own document and passes;
 * a failure that stands for a public error becomes it; anything else a resolver throws is a defect and masked.
 */
export function maskDefect(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const known = knownError(error);
  if (!known && formatted.path === undefined && !isDefect(formatted)) {
    return formatted;
  }
  const { message, extensions } = known ?? maskedError();
  return { ...formatted, message, extensions };
}

/** An error of an execution as the client gets to see it; a defect names the request under which it is logged. */
export const publicForm = (error: GraphQLError, { requestId }: RequestContext): GraphQLFormattedError =>
  withRequestId(maskDefect(error.toJSON(), error), requestId);

/** Names the request under which a defect is logged; one that was sent before names its own. */
const withRequestId = (error: GraphQLFormattedError, requestId: string): GraphQLFormattedError =>
  isDefect(error) ? { ...error, extensions: { requestId, ...error.extensions } } : error;

/** Whether an error that was sent stands for a defect. */
export const isDefect = ({ extensions }: GraphQLFormattedError): boolean =>
  extensions?.['code'] === 'INTERNAL_SERVER_ERROR';

function knownError(error: unknown): PublicError | undefined {
  return publicError(unwrapResolverError(error)) ?? refusedByRule(error) ?? refusedArgument(error);
}

/** Of a document, for a reason that has a code of its own. */
function refusedByRule(error: unknown): PublicError | undefined {
  const { originalError } = error instanceof GraphQLError ? error : {};
  return originalError instanceof PublicError ? originalError : undefined;
}

/** graphql-js checks some arguments only when it calls the resolver; such an error points at a value, not at a field. */
function refusedArgument(error: unknown): PublicError | undefined {
  if (!(error instanceof GraphQLError) || error.path === undefined) return undefined;
  const [node] = error.nodes ?? [];
  return node && node.kind !== Kind.FIELD ? badInput(error.message) : undefined;
}

/** Counts every error, logs each defect in full, and tells the client under which id it is logged. */
export const reportErrors = (leaving: LeavingErrors): ApolloServerPlugin<RequestContext> => ({
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

/** Of an error that stands for none of ours: with a path it is masked, without one it speaks of the request itself. */
const codeOf = ({ path, extensions }: GraphQLError): string =>
  path
    ? 'INTERNAL_SERVER_ERROR'
    : typeof extensions['code'] === 'string'
      ? extensions['code']
      : 'BAD_USER_INPUT';

import { unwrapResolverError } from '@apollo/server/errors';
import type { FastifyBaseLogger } from 'fastify';
import type { GraphQLError, GraphQLFormattedError } from 'graphql';
import { locate } from '../kernel/graphql/locations.js';
import { PublicError, publicError } from '../kernel/vocabulary/errors.js';
import type { LeavingErrors } from '../services/telemetry/leaving-errors.js';
import { isDefect, maskDefect } from './error-masking.js';

export interface ToldTo {
  readonly log: FastifyBaseLogger;
  /** The id under which defects are logged. */
  readonly requestId: string;
  readonly leaving: LeavingErrors;
}

/** The errors of an event, or of a refused subscription, that the client may see, as over HTTP; defects are logged. */
export function toldErrors(
  errors: readonly GraphQLError[],
  { log, requestId, leaving }: ToldTo,
): GraphQLFormattedError[] {
  locate(errors);
  return errors.map((error) => {
    // The error that ended a subscription is wrapped in an error without a path.
    const cause = error.originalError instanceof PublicError ? error.originalError : error;
    const formatted = maskDefect(error.toJSON(), cause);
    const code = formatted.extensions?.['code'];
    leaving.see(
      typeof code === 'string' ? code : 'BAD_USER_INPUT',
      publicError(unwrapResolverError(error)) ?? error,
    );
    if (isDefect(formatted)) {
      const path = error.path?.join('.');
      log.error({ err: unwrapResolverError(error), path }, 'a resolver failed');
      return { ...formatted, extensions: { ...formatted.extensions, requestId } };
    }
    // An error without a code is about the variables; all others have one here.
    return { ...formatted, extensions: { code: 'BAD_USER_INPUT', ...formatted.extensions } };
  });
}

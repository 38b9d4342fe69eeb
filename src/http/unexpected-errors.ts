/** Handles failures of Apollo Server's own steps, which are not errors of resolvers or fields. */
import type { ApolloServerPlugin } from '@apollo/server';
import type { LeavingErrors } from '../services/telemetry/leaving-errors.js';
import type { DoorContext } from './door.js';

const CODE = 'INTERNAL_SERVER_ERROR';

/**
 * Logs such a failure in full and counts it, over HTTP and over WebSocket. Apollo Server itself logs only one line without the
 * request, and throws another error, which says nothing.
 */
export const reportUnexpected = (leaving: LeavingErrors): ApolloServerPlugin<DoorContext> => ({
  async unexpectedErrorProcessingRequest({ requestContext: { contextValue }, error }) {
    contextValue.log.error({ err: error }, 'a request failed');
    contextValue.usage.codes = [CODE];
    leaving.see(CODE, error);
  },
});

/** Whether {@link reportUnexpected} has reported the failure of a request. */
export const isReported = ({ usage }: Pick<DoorContext, 'usage'>): boolean => usage.codes.includes(CODE);

interface Answer {
  readonly errors?: readonly { readonly extensions?: Readonly<Record<string, unknown>> }[];
}

/** The body of an answer, in which each masked error has the id of the request under which it is logged. */
export function withRequestIds(body: string, requestId: string): string {
  let answer: Answer;
  try {
    answer = JSON.parse(body) as Answer;
  } catch {
    return body;
  }
  const errors = answer.errors?.map((error) =>
    error.extensions?.['code'] === CODE
      ? { ...error, extensions: { requestId, ...error.extensions } }
      : error,
  );
  return errors ? JSON.stringify({ ...answer, errors }) : body;
}

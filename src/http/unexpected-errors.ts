/** Handles failures of Apollo Server's own steps, which are not errors of resolvers or fields. */
import type { ApolloServerPlugin } from '@apollo/server';
import type { DoorContext } from './door.js';

/** Logs such a failure in full; Apollo Server itself logs only one line without the request. */
export const reportUnexpected: ApolloServerPlugin<DoorContext> = {
  async unexpectedErrorProcessingRequest({ requestContext, error }) {
    requestContext.contextValue.log.error({ err: error }, 'a request failed');
  },
};

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
    error.extensions?.['code'] === 'INTERNAL_SERVER_ERROR'
      ? { ...error, extensions: { requestId, ...error.extensions } }
      : error,
  );
  return errors ? JSON.stringify({ ...answer, errors }) : body;
}

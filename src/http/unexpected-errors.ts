/** Failures of Apollo Server's own steps, which reach no resolver and no error of a field. */
import type { ApolloServerPlugin } from '@apollo/server';
import type { RequestContext } from '../kernel/graphql/request-context.js';

/** Logs such a failure in full; Apollo Server itself says one line of it, and does not know the request. */
export const reportUnexpected: ApolloServerPlugin<RequestContext> = {
  async unexpectedErrorProcessingRequest({ requestContext, error }) {
    requestContext.contextValue.log.error({ err: error }, 'a request failed');
  },
};

interface Answer {
  readonly errors?: readonly { readonly extensions?: Readonly<Record<string, unknown>> }[];
}

/** The body of an answer, in which each masked error names the request under which it is logged. */
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

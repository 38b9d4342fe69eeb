import type { ApolloServerOptions } from '@apollo/server';
import { execute, type GraphQLSchema } from 'graphql';
import type { RequestContext } from '../graphql/request-context.js';
import type { createExecuteOnce } from '../idempotency/execute-once.js';

type Gateway = NonNullable<ApolloServerOptions<RequestContext>['gateway']>;

/** For Apollo Server: the schema, and how its operations are executed. Apollo knows an executor as a gateway's only. */
export function executeWith(
  schema: GraphQLSchema,
  executeOnce: ReturnType<typeof createExecuteOnce>,
): Gateway {
  return {
    onSchemaLoadOrUpdate: (loaded) => {
      loaded({ apiSchema: schema, coreSupergraphSdl: '' });
      return () => undefined;
    },
    load: async () => ({
      executor: async ({ request, response, document, operation, source, context }) =>
        executeOnce(
          {
            source,
            document,
            operation,
            variables: request.variables,
            // Apollo's types of a gateway do not know the server's own.
            context: context as RequestContext,
            onReplay: () => response?.http?.headers.set('idempotency-replayed', 'true'),
          },
          (contextValue) =>
            execute({
              schema,
              document,
              contextValue,
              variableValues: request.variables,
              operationName: request.operationName,
            }),
        ),
    }),
    stop: async () => undefined,
  };
}

import type { ApolloServerOptions } from '@apollo/server';
import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { PublicError, withStatus } from '../errors.js';
import type { Execute } from '../graphql/execution.js';
import type { RequestContext } from '../graphql/request-context.js';
import type { createExecuteOnce } from '../idempotency/execute-once.js';

type Gateway = NonNullable<ApolloServerOptions<RequestContext>['gateway']>;

/** For Apollo Server: the schema, and how its operations are executed. Apollo knows an executor as a gateway's only. */
export function executeWith(
  schema: GraphQLSchema,
  execute: Execute,
  executeOnce: ReturnType<typeof createExecuteOnce>,
): Gateway {
  return {
    onSchemaLoadOrUpdate: (loaded) => {
      loaded({ apiSchema: schema, coreSupergraphSdl: '' });
      return () => undefined;
    },
    load: async () => ({
      executor: async ({ request, response, document, operation, operationName, source, context }) =>
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
          async (ownContext) =>
            refusedAsAWhole(
              await execute({
                document,
                operationName: operationName ?? request.operationName ?? null,
                variables: request.variables ?? {},
                context: ownContext,
              }),
            ),
        ),
    }),
    stop: async () => undefined,
  };
}

/** The result; with the status of its error when there is nothing else, for it was refused: an answer that is too large. */
function refusedAsAWhole(result: ExecutionResult): ExecutionResult {
  const [error] = result.errors ?? [];
  return result.data === undefined && error instanceof PublicError ? { errors: [withStatus(error)] } : result;
}

import type { ApolloServerOptions } from '@apollo/server';
import { GraphQLError, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { publicError, PublicError, withStatus } from '../errors.js';
import type { Execute } from '../graphql/execution.js';
import type { RequestContext } from '../graphql/request-context.js';
import type { createExecuteOnce } from '../idempotency/execute-once.js';
import type { Deadline } from '../limits/deadline.js';

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
      executor: async ({ request, response, document, operation, operationName, source, context }) => {
        // Apollo's types of a gateway do not know the server's own.
        const ownContext = context as RequestContext;
        const result = executeOnce(
          {
            source,
            document,
            operation,
            variables: request.variables,
            context: ownContext,
            onReplay: () => response?.http?.headers.set('idempotency-replayed', 'true'),
          },
          async (contextOfAttempt) =>
            refusedAsAWhole(
              await execute({
                document,
                operationName: operationName ?? request.operationName ?? null,
                variables: request.variables ?? {},
                context: contextOfAttempt,
              }),
            ),
        );
        return ownContext.deadline ? inTime(result, ownContext.deadline) : result;
      },
    }),
    stop: async () => undefined,
  };
}

/**
 * How long after the deadline an answer is waited for. What was cancelled then has failed by then, and fields that were
 * done are answered. PostgreSQL may also say nothing, or a resolver wait for something else.
 */
const GRACE_MS = 500;

/** The result; or nothing but DEADLINE_EXCEEDED, when there is none in time or it holds nothing else. */
async function inTime(result: Promise<ExecutionResult>, deadline: Deadline): Promise<ExecutionResult> {
  try {
    const answer = await deadline.race(result, GRACE_MS);
    return answer.errors && isAllTooLate(answer) ? tooLate(deadline) : answer;
  } catch (error) {
    if (error instanceof PublicError && error.code === 'DEADLINE_EXCEEDED') return tooLate(deadline);
    throw error;
  }
}

function isAllTooLate({ data, errors = [] }: ExecutionResult): boolean {
  const isTooLate = ({ originalError }: GraphQLError) =>
    publicError(originalError)?.code === 'DEADLINE_EXCEEDED';
  return Object.values(data ?? {}).every((value) => value === null) && errors.every(isTooLate);
}

const tooLate = ({ error }: Deadline): ExecutionResult => ({ errors: [withStatus(error)] });

/** The result; with the status of its error when there is nothing else, for it was refused: an answer that is too large. */
function refusedAsAWhole(result: ExecutionResult): ExecutionResult {
  const [error] = result.errors ?? [];
  return result.data === undefined && error instanceof PublicError ? { errors: [withStatus(error)] } : result;
}

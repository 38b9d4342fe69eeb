import type { ApolloServerOptions } from '@apollo/server';
import {
  GraphQLError,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import type { RequestUsage } from '../kernel/request/request-usage.js';
import { ERROR_STATUS, publicError, PublicError } from '../kernel/vocabulary/errors.js';
import type { Deadline } from '../kernel/request/deadline.js';
import type { DoorContext, Run } from './door.js';
import { READ_AFTER } from './own-writes.js';

/**
 * Gives Apollo Server the schema and our executor, in the form of a gateway, because Apollo accepts no other executor.
 */
export function executeWith<Context extends DoorContext>(
  schema: GraphQLSchema,
  run: Run<Context>,
): NonNullable<ApolloServerOptions<Context>['gateway']> {
  return {
    onSchemaLoadOrUpdate: (loaded) => {
      loaded({ apiSchema: schema, coreSupergraphSdl: '' });
      return () => undefined;
    },
    load: async () => ({
      executor: async ({ request, response, document, operation, operationName, source, context }) => {
        // Apollo's types of a gateway do not include our context.
        const ownContext = context as Context;
        const { usage } = ownContext;
        const result = executed(usage, operation, () =>
          run({
            source,
            document,
            operation,
            operationName: operationName ?? request.operationName ?? null,
            variables: request.variables,
            context: ownContext,
            onWritten: (readAfter) => response?.http?.headers.set(READ_AFTER, readAfter),
            onReplay: () => response?.http?.headers.set('idempotency-replayed', 'true'),
          }),
        );
        return ownContext.deadline ? inTime(result, ownContext.deadline) : result;
      },
    }),
    stop: async () => undefined,
  };
}

/** Executes an operation as a step of its trace, which has the further steps. */
function executed<Result>(
  usage: RequestUsage,
  operation: OperationDefinitionNode | undefined,
  execute: () => Promise<Result>,
): Promise<Result> {
  const whole = usage.trace;
  if (!whole || !operation) return execute();
  const name = operation.name?.value;
  const attributes = {
    'graphql.operation.type': operation.operation,
    ...(name !== undefined && { 'graphql.operation.name': name }),
  };
  return whole
    .step(name === undefined ? operation.operation : `${operation.operation} ${name}`, attributes, (step) => {
      usage.trace = step;
      return execute();
    })
    .finally(() => (usage.trace = whole));
}

/**
 * How long to wait for the result after the deadline: cancelled statements then have failed, and completed fields are
 * returned. PostgreSQL may also not answer, or a resolver may wait for something else.
 */
const GRACE_MS = 500;

/** The result; or only the error of the deadline, when there is none in time or it has no other content. */
async function inTime(result: Promise<ExecutionResult>, deadline: Deadline): Promise<ExecutionResult> {
  try {
    const answer = await deadline.race(result, GRACE_MS);
    return answer.errors && isAllTooLate(answer, deadline) ? tooLate(deadline) : answer;
  } catch (error) {
    if (error instanceof PublicError && error.code === deadline.error.code) return tooLate(deadline);
    throw error;
  }
}

function isAllTooLate({ data, errors = [] }: ExecutionResult, { error: { code } }: Deadline): boolean {
  const isTooLate = ({ originalError }: GraphQLError) => publicError(originalError)?.code === code;
  return Object.values(data ?? {}).every((value) => value === null) && errors.every(isTooLate);
}

const tooLate = ({ error }: Deadline): ExecutionResult => refusal(error);

/** A result with only an error. Apollo Server uses its HTTP status, and does not send it to the client. */
const refusal = ({ message, code, extensions }: PublicError): ExecutionResult => ({
  errors: [
    new GraphQLError(message, { extensions: { ...extensions, http: { status: ERROR_STATUS[code] } } }),
  ],
});

/** The result, or the error with its status when it is too large. */
export function orTooLarge(result: ExecutionResult): ExecutionResult {
  const [error] = result.errors ?? [];
  return error instanceof PublicError && error.code === 'ANSWER_TOO_LARGE' && result.data === undefined
    ? refusal(error)
    : result;
}

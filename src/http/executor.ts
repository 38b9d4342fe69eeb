import {
  HeaderMap,
  type ApolloServerOptions,
  type ApolloServerPlugin,
  type GraphQLRequestListener,
} from '@apollo/server';
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

/** What Apollo Server needs to execute operations with our executor. */
interface Executor<Context extends DoorContext> {
  /**
   * Executes each operation and answers those without errors. Apollo Server then does not ask a gateway: what it does around
   * one takes longer than some operations.
   */
  readonly plugin: ApolloServerPlugin<Context>;
  /** Has the schema, and the results with errors, which Apollo Server formats, reports and counts. */
  readonly gateway: NonNullable<ApolloServerOptions<Context>['gateway']>;
}

const NO_HEADERS = { headers: new HeaderMap() };

/** Returns both for a door. */
export function executeWith<Context extends DoorContext>(
  schema: GraphQLSchema,
  run: Run<Context>,
): Executor<Context> {
  const unanswered = new WeakMap<Context, Promise<ExecutionResult>>();
  return {
    plugin: {
      async requestDidStart() {
        return {
          async responseForOperation(operation) {
            const { contextValue } = operation;
            const outcome = execute(run, operation);
            const result = await outcome.catch(() => undefined);
            if (result && !result.errors) {
              const { data = null, extensions } = result;
              const singleResult = { data, ...(extensions && { extensions }) };
              return { http: NO_HEADERS, body: { kind: 'single', singleResult } };
            }
            unanswered.set(contextValue, outcome);
            return null;
          },
        };
      },
    },
    gateway: {
      onSchemaLoadOrUpdate: (loaded) => {
        loaded({ apiSchema: schema, coreSupergraphSdl: '' });
        return () => undefined;
      },
      load: async () => ({
        // Apollo's types of a gateway do not include our context.
        executor: async ({ context }) => unanswered.get(context as Context) ?? { data: null },
      }),
      stop: async () => undefined,
    },
  };
}

type Requested<Context extends DoorContext> = Parameters<
  NonNullable<GraphQLRequestListener<Context>['responseForOperation']>
>[0];

async function execute<Context extends DoorContext>(
  run: Run<Context>,
  { request, response, contextValue, source, document, operation, operationName }: Requested<Context>,
): Promise<ExecutionResult> {
  const { usage, deadline } = contextValue;
  const { headers } = response.http;
  const running = asStep(usage, operation, () =>
    run({
      source,
      document,
      operation,
      operationName: operationName ?? request.operationName ?? null,
      variables: request.variables,
      context: contextValue,
      onWritten: (readAfter) => void headers.set(READ_AFTER, readAfter),
      onReplay: () => void headers.set('idempotency-replayed', 'true'),
    }),
  );
  return deadline ? inTime(running, deadline) : running;
}

/** Executes an operation as a step of its trace, which has the further steps. */
function asStep<Result>(
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

/** Answers queries and mutations that arrive over WebSocket, by the same steps of Apollo Server as those over HTTP. */
import type { ApolloServer } from '@apollo/server';
import type { FastifyBaseLogger } from 'fastify';
import type { FormattedExecutionResult } from 'graphql';
import { actorName } from '../kernel/vocabulary/actor.js';
import { createContext } from '../kernel/graphql/create-context.js';
import type { RequestContext } from '../kernel/graphql/request-context.js';
import { answerTooLarge } from '../kernel/request/answer-bytes.js';
import { Trace } from '../kernel/tracing/trace.js';
import { RequestUsage } from '../kernel/request/request-usage.js';
import type { Deadline } from '../kernel/request/deadline.js';
import { ERROR_STATUS, PublicError } from '../kernel/vocabulary/errors.js';
import type { Viewer } from '../kernel/vocabulary/viewer.js';
import { exceeds } from './answers-in-flight.js';
import { errorAnswer, maskedError } from './error-answers.js';
import { usedBy } from './logging.js';
import type { Services } from './services.js';

/** A query or mutation whose document was found. */
export interface SocketOperation {
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: Record<string, unknown> | undefined;
  /** The value of the header `Idempotency-Key` over HTTP. */
  readonly idempotencyKey: string | undefined;
  readonly requestId: string;
  /** The request id of the WebSocket. */
  readonly webSocket: string;
  readonly viewer: Viewer;
  /** See ContextOf. */
  readonly confirmAccess: () => Promise<void>;
  readonly deadline: Deadline;
}

/** Executes an operation and logs it like a request over HTTP. Does not throw. */
export type AnswerOperation = (operation: SocketOperation) => Promise<FormattedExecutionResult>;

/** What the access log says of a request, in place of the method of HTTP. */
export const METHOD = 'WEBSOCKET';

/**
 * Returns the function that answers operations over WebSocket.
 *
 * @param path what the access log calls the path
 */
export function createSocketAnswers(
  services: Services,
  apollo: ApolloServer<RequestContext>,
  serverLog: FastifyBaseLogger,
  path: string,
): AnswerOperation {
  const { config, leaving, tenantUsage } = services;
  return async ({
    query,
    operationName,
    variables,
    idempotencyKey,
    requestId,
    webSocket,
    viewer,
    confirmAccess,
    deadline,
  }) => {
    const begunAt = performance.now();
    const { tenantId, tenantSlug: tenant, actor } = viewer;
    tenantUsage.add(tenantId, 'requests', 1);
    const log = serverLog.child({ requestId, webSocket, tenant, actor: actorName(actor) });
    const trace = Trace.begin(`${METHOD} ${path}`, {
      kind: 'server',
      attributes: { 'tenant.id': tenantId, 'tenantry.request_id': requestId },
    });
    const usage = new RequestUsage(trace);
    const contextValue = createContext(services, {
      viewer,
      usage,
      confirmAccess,
      requestId,
      deadline,
      idempotencyKey,
      freshness: services.ownWrites.freshnessOf(actor),
      log: () => log,
    });
    const { status, answer } = await execute(
      apollo,
      { query, ...(operationName !== undefined && { operationName }), ...(variables && { variables }) },
      contextValue,
    ).catch(() => {
      // Apollo Server has told the failure to `reportUnexpected`, which has logged and counted it.
      return { status: 500, answer: errorAnswer(maskedError({ requestId })) };
    });
    const isTooLarge = exceeds(answer, config.maxAnswerBytes);
    if (isTooLarge) leaving.see('ANSWER_TOO_LARGE', undefined);
    const told = isTooLarge
      ? { status: ERROR_STATUS.ANSWER_TOO_LARGE, answer: errorAnswer(answerTooLarge(config.maxAnswerBytes)) }
      : { status, answer };
    log.info(
      {
        method: METHOD,
        path,
        status: told.status,
        ms: Math.round(performance.now() - begunAt),
        ...usedBy(usage),
      },
      'answered',
    );
    trace?.set({ ...(usage.operation !== undefined && { 'graphql.operation.name': usage.operation }) });
    trace?.end(usage.codes[0]);
    return told.answer;
  };
}

interface Told {
  /** The status of the same answer over HTTP. */
  readonly status: number;
  readonly answer: FormattedExecutionResult;
}

async function execute(
  apollo: ApolloServer<RequestContext>,
  request: { query: string; operationName?: string; variables?: Record<string, unknown> },
  contextValue: RequestContext,
): Promise<Told> {
  const { http, body } = await apollo.executeOperation(request, { contextValue });
  if (body.kind !== 'single') throw new Error('this server answers no operation in parts');
  const { extensions, ...result } = body.singleResult as FormattedExecutionResult;
  const replayed = http.headers.get('idempotency-replayed') === 'true' && { idempotencyReplayed: true };
  const told = { ...extensions, ...replayed };
  const answer = Object.keys(told).length > 0 ? { ...result, extensions: told } : result;
  return { status: http.status ?? 200, answer };
}

/**
 * The idempotency key of a message: `extensions: { idempotencyKey }`, because a WebSocket has no headers per operation.
 *
 * @throws BAD_REQUEST when it is not a string
 */
export function idempotencyKeyOf(extensions: unknown): string | undefined {
  const { idempotencyKey: key } = Object(extensions) as { idempotencyKey?: unknown };
  if (key == null) return undefined;
  if (typeof key !== 'string') throw new PublicError('BAD_REQUEST', 'An idempotencyKey is a string.');
  return key;
}

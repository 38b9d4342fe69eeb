/**
 * The messages of a WebSocket at `/graphql`, in the protocol graphql-transport-ws: subscriptions, queries and mutations.
 * Every mistake of a client has a code of docs/errors.md.
 */
import {
  GraphQLError,
  OperationTypeNode,
  type ExecutionArgs,
  type ExecutionResult,
  type FormattedExecutionResult,
} from 'graphql';
import { makeServer, type Server, type SubscribePayload } from 'graphql-ws';
import { refuseLostAccess } from '../kernel/auth/lost-access.js';
import { ERROR_STATUS, PublicError } from '../kernel/vocabulary/errors.js';
import { RefusedOperation } from '../services/documents/document-reader.js';
import { badRequest, defect, type Closing } from '../services/subscriptions/closing.js';
import type { Connection } from '../services/subscriptions/connection.js';
import { readOperation, readSubscription, type Subscription } from '../services/subscriptions/operation.js';
import { RefusedRequest, SocketRequest } from '../services/subscriptions/request.js';
import type { Reservation } from '../services/subscriptions/reservations.js';
import { sizeOf, type AnswerSize } from './answers-in-flight.js';
import { stopping, type Drain } from './drain.js';
import type { Closable } from './refusal-pace.js';
import type { Services } from './services.js';
import { idempotencyKeyOf, METHOD, type AnswerOperation } from './socket-answers.js';
import { toldErrors } from './told-errors.js';

export const PATH = '/graphql';
/** The time in which a client must authenticate. */
const INIT_MS = 3_000;

/** A connection, and how its answers are sent. */
export interface ClientSocket {
  readonly connection: Connection;
  readonly socket: Closable;
  /** Counts the requests of the connection, for their ids. */
  requests: number;
  /** The length of the present message. */
  messageBytes: number;
  /** The error for a number of the present message that JavaScript would round. */
  lostNumber: GraphQLError | undefined;
  /** Called before an answer is sent. Returns the function to call when it was sent. */
  readonly sending: (size: AnswerSize) => () => void;
}

interface PreparedSubscription extends ExecutionArgs, Subscription {
  readonly socket: ClientSocket;
  readonly reservation: Reservation;
}

interface PreparedRequest extends ExecutionArgs {
  readonly request: SocketRequest;
}

type Protocol = Server<ClientSocket>;

/** Not the server of graphql-ws (`graphql-ws/use/ws`), which writes mistakes of clients to the console. */
export function createProtocol(services: Services, drain: Drain, answer: AnswerOperation): Protocol {
  const { api, config, documents, documentReader, leaving, shedding } = services;
  const toldOf = ({ log, requestId }: Connection) => ({ log, requestId, leaving });

  /** @throws RefusedOperation, GraphQLError */
  function prepare(
    socket: ClientSocket,
    payload: SubscribePayload,
    messageBytes: number,
  ): PreparedSubscription | PreparedRequest {
    const { connection } = socket;
    const query = documents.find(payload, connection.viewer?.tenantId) ?? '';
    // An empty name means the same as none.
    const asked = {
      ...payload,
      operationName: payload.operationName === '' ? null : payload.operationName,
      query,
    };
    const read = readOperation(documentReader, asked);
    // The message is kept as long as the operation is active.
    const bytes = messageBytes + query.length;
    if (read.operation.operation === OperationTypeNode.SUBSCRIPTION) {
      const mostCost = connection.viewer?.plan.mostCostPerRequest;
      const subscription = readSubscription(api.schema, documentReader, asked, mostCost, read);
      return { ...subscription, socket, reservation: connection.reserve(bytes) };
    }
    if (drain.isClosing) throw stopping();
    const idempotencyKey = idempotencyKeyOf(payload.extensions);
    const reservation = connection.reserveForRequest(bytes);
    const requestId = idOf(socket);
    const request = new SocketRequest(connection, {
      timeoutMs: config.requestTimeoutMs,
      answer: (viewer, deadline) =>
        answer({
          query,
          operationName: asked.operationName ?? undefined,
          variables: payload.variables ?? undefined,
          idempotencyKey,
          requestId,
          webSocket: connection.requestId,
          viewer,
          confirmAccess: async () => refuseLostAccess(viewer, await connection.lookUp()),
          deadline,
        }),
      sending: (result) => socket.sending(sizeOf(result)),
      ended: () => connection.release(reservation),
    });
    return { schema: api.schema, document: read.document, operationName: asked.operationName, request };
  }

  /** The refusal of an operation that would only wait, in its turn. Until then it counts as one of the connection's. */
  function overloaded(
    socket: ClientSocket,
    messageBytes: number,
  ): readonly GraphQLError[] | Promise<readonly GraphQLError[]> | undefined {
    const { connection } = socket;
    const error = connection.viewer && shedding.refusalOf(connection.viewer);
    if (!error) return undefined;
    const place = connection.tryReserveForRequest(messageBytes);
    const turn = place && shedding.pace(connection.viewer!, socket.socket);
    if (!turn) {
      if (place) connection.release(place);
      return refusal(socket, error);
    }
    return turn.then(() => {
      connection.release(place);
      return refusal(socket, error);
    });
  }

  return makeServer<Record<string, unknown>, ClientSocket>({
    connectionInitWaitTimeout: INIT_MS,
    onConnect: ({ connectionParams, extra: { connection } }) => connection.start(connectionParams),
    onSubscribe: ({ extra: socket }, _id, payload) => {
      // Of this message: the next one may come while this one waits.
      const { lostNumber, messageBytes } = socket;
      const prepared = (refused: GraphQLError | undefined) => {
        const overload = refused ? undefined : overloaded(socket, messageBytes);
        if (overload) return overload;
        const known = refused ?? lostNumber;
        try {
          if (known) throw known;
          return prepare(socket, payload, messageBytes);
        } catch (error) {
          return refusal(socket, error);
        }
      };
      const admission = socket.connection.admit();
      return admission instanceof Promise ? admission.then(prepared) : prepared(admission);
    },
    subscribe: (args) => {
      const { socket, reservation, ...subscription } = args as PreparedSubscription;
      return socket.connection.subscribe(subscription, reservation);
    },
    // An iterator instead of a result, so that a client can complete the operation early.
    execute: (args) => (args as PreparedRequest).request as unknown as AsyncIterableIterator<ExecutionResult>,
    onNext: (
      { extra: { connection } },
      _id,
      _payload,
      args,
      result,
    ): FormattedExecutionResult | undefined => {
      // The answer of Apollo Server, whose errors are what the client may see.
      if ('request' in args) return result as FormattedExecutionResult;
      const { errors, ...rest } = result;
      return (
        errors && { ...(rest as FormattedExecutionResult), errors: toldErrors(errors, toldOf(connection)) }
      );
    },
    onError: ({ extra: { connection } }, _id, _payload, errors) => {
      const { originalError } = errors[0] ?? {};
      return originalError instanceof RefusedRequest
        ? originalError.errors
        : toldErrors(errors, toldOf(connection));
    },
  });
}

/** A long id of the client's own is cut, so that ours remains short enough for every log. */
const MOST_ID_CHARACTERS = 110;

const idOf = (socket: ClientSocket): string =>
  `${socket.connection.requestId.slice(0, MOST_ID_CHARACTERS)}.${String(++socket.requests)}`;

/** The errors of an operation that is not executed, which is logged like a refused request over HTTP. */
function refusal({ connection }: ClientSocket, error: unknown): readonly GraphQLError[] {
  const errors = error instanceof RefusedOperation ? error.errors : [error];
  const [first] = errors;
  if (!(first instanceof GraphQLError)) throw error;
  const status = first instanceof PublicError ? ERROR_STATUS[first.code] : 400;
  connection.log.info({ method: METHOD, path: PATH, status }, 'answered');
  return errors as readonly GraphQLError[];
}

/** The closing after a message that could not be handled. */
export function failureOf(error: unknown, connection: Connection): Closing {
  if (error instanceof Error && error.message.startsWith('Unexpected message of type')) return badRequest();
  connection.log.error({ err: error }, 'a websocket message failed');
  return defect();
}

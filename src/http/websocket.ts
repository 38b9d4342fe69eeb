/**
 * `/graphql` over WebSocket: subscriptions in the protocol graphql-transport-ws. Every mistake of a client has a code
 * of docs/errors.md, and everything that the server keeps for a client is limited.
 */
import { once } from 'node:events';
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { unwrapResolverError } from '@apollo/server/errors';
import type { FastifyInstance } from 'fastify';
import {
  GraphQLError,
  type ExecutionArgs,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
} from 'graphql';
import { handleProtocols, makeServer } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Services } from './services.js';
import { badRequest, Closing, defect, goingAway, tooSlow } from '../services/subscriptions/closing.js';
import { Connection } from '../services/subscriptions/connection.js';
import type { Connections } from '../services/subscriptions/connections.js';
import { Inbox, Turns } from '../services/subscriptions/inbox.js';
import { RefusedOperation } from '../services/documents/document-reader.js';
import { refuseLostNumbers } from '../kernel/graphql/exact-numbers.js';
import { locate } from '../kernel/graphql/locations.js';
import { readSubscription, type Subscription } from '../services/subscriptions/operation.js';
import type { Reservation } from '../services/subscriptions/reservations.js';
import { PublicError, publicError } from '../kernel/vocabulary/errors.js';
import type { LeavingErrors } from '../services/telemetry/leaving-errors.js';
import { stopping, type Drain } from './drain.js';
import { errorAnswer } from './error-answers.js';
import { isDefect, maskDefect } from './error-masking.js';
import { requestId } from './request-id.js';
import { isWelcomeOrigin } from './websocket-origin.js';

const PATH = '/graphql';
/** The time in which a client must authenticate. */
const INIT_MS = 3_000;
/** The interval of pings. A client that has not answered the previous ping is disconnected. */
const PING_MS = 15_000;
/** The time in which a client must confirm a close. */
const CLOSE_MS = 2_000;
/** The most bytes that one client may leave unread. */
const MOST_UNREAD_BYTES = 1024 * 1024;
/** The most connections that are not authenticated. */
const MOST_STRANGERS = 1_000;

interface Prepared extends ExecutionArgs, Subscription {
  readonly connection: Connection;
  readonly reservation: Reservation;
}

/** Accepts WebSockets at the path of GraphQL. When the app closes, it first closes every connection. */
export function installWebsocket(
  app: FastifyInstance,
  services: Services,
  connections: Connections,
  drain: Drain,
): void {
  const { api, config, documents, documentReader } = services;
  const parts = { ...services, connections };
  const sockets = new WebSocketServer({
    noServer: true,
    // The same limit as for the body of a request.
    maxPayload: app.initialConfig.bodyLimit ?? 0,
    handleProtocols,
  });
  const open = new Map<WebSocket, Connection>();
  const turns = new Turns();
  // graphql-ws parses the message that `handle` got, and calls `onSubscribe` for it, before `handle` returns.
  let lostNumber: GraphQLError | undefined;

  // Not the server of graphql-ws (`graphql-ws/use/ws`), which writes mistakes of clients to the console and does not
  // limit unread messages.
  const protocol = makeServer<Record<string, unknown>, Connection>({
    connectionInitWaitTimeout: INIT_MS,
    onConnect: ({ connectionParams, extra: connection }) => connection.start(connectionParams),
    onSubscribe: ({ extra: connection }, id, payload): Prepared | readonly GraphQLError[] => {
      try {
        if (lostNumber) return [lostNumber];
        const query = documents.find(payload, connection.viewer?.tenantId) ?? '';
        const subscription = readSubscription(api.schema, documentReader, { ...payload, query });
        // The message is kept as long as the subscription is active.
        const reservation = connection.reserve(id.length + JSON.stringify(payload).length + query.length);
        return { ...subscription, connection, reservation };
      } catch (error) {
        if (error instanceof RefusedOperation) return error.errors;
        if (error instanceof GraphQLError) return [error];
        throw error;
      }
    },
    subscribe: (args) => {
      const { connection, reservation, ...subscription } = args as Prepared;
      return connection.subscribe(subscription, reservation);
    },
    onNext: ({ extra: connection }, _id, _payload, _args, { errors, ...rest }) =>
      errors && { ...(rest as FormattedExecutionResult), errors: told(errors, connection, services.leaving) },
    onError: ({ extra: connection }, _id, _payload, errors) => told(errors, connection, services.leaving),
  });

  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const refusal = drain.isDraining
      ? { status: 503, error: stopping() }
      : (refusalOf(request, config.corsOrigins) ?? crowded());
    if (refusal) refuse(socket, request, refusal);
    else sockets.handleUpgrade(request, socket, head, (websocket) => attach(websocket, request));
  });
  // An invalid handshake, which ws would answer in another format.
  sockets.on('wsClientError', (_error, socket: Duplex, request: IncomingMessage) => {
    const error = new PublicError('BAD_REQUEST', 'This is no handshake for a WebSocket of version 13.');
    refuse(socket, request, { status: 400, error });
  });
  app.addHook('preClose', async () => {
    const closed = [...open.keys()].map((socket) => once(socket, 'close'));
    for (const connection of open.values()) connection.end(goingAway());
    await Promise.all(closed);
  });

  function crowded(): Refusal | undefined {
    if (open.size - connections.count < MOST_STRANGERS) return undefined;
    // Counted again, because closing connections are still in `open` but no longer in `connections.count`.
    const strangers = [...open.values()].filter(({ viewer }) => viewer === undefined);
    if (strangers.length < MOST_STRANGERS) return undefined;
    return { status: 503, error: new PublicError('UNAVAILABLE', 'Too many connections. Try again later.') };
  }

  function refuse(socket: Duplex, request: IncomingMessage, refusal: Refusal): void {
    const id = requestId(request);
    app.log.info({ status: refusal.status, requestId: id }, 'websocket refused');
    services.leaving.see(refusal.error.code, refusal.error);
    answerRefusal(socket, id, refusal);
  }

  function attach(socket: WebSocket, request: IncomingMessage): void {
    const id = requestId(request);
    const openedAt = performance.now();
    let inbox: Inbox | undefined;
    const connection: Connection = new Connection(parts, {
      host: request.headers.host,
      requestId: id,
      log: app.log.child({ requestId: id }),
      close: ({ code, message }) => {
        inbox?.clear();
        socket.close(code, message);
        setTimeout(() => socket.terminate(), CLOSE_MS).unref();
      },
    });
    open.set(socket, connection);
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (data) => send(socket, data, connection),
        close: (code = defect().code, reason = '') => connection.end(new Closing(code, reason)),
        onMessage: (handle) => {
          inbox = new Inbox(turns, {
            tenantId: () => connection.viewer?.tenantId ?? '',
            handle: (data) => {
              const text = data.toString();
              lostNumber = lostNumberIn(text);
              handle(text).catch((error: unknown) => connection.end(failureOf(error, connection)));
              lostNumber = undefined;
            },
            pause: () => socket.pause(),
            resume: () => socket.resume(),
          });
        },
      },
      connection,
    );
    socket.on('message', (data: Buffer) => {
      if (socket.readyState === socket.OPEN) inbox?.put(data);
    });
    const stopPinging = keepAlive(socket);
    // An invalid frame. ws has already informed the client.
    socket.on('error', (error) => connection.log.debug({ err: error }, 'a websocket failed'));
    socket.on('close', (code, reason) => {
      stopPinging();
      open.delete(socket);
      connection.closed();
      void closed(code, reason.toString());
      connection.log.info(
        { path: PATH, code, ms: Math.round(performance.now() - openedAt) },
        'websocket closed',
      );
    });
  }
}

/** Sends a message. Everything is sent here: events, errors and answers to pings. */
function send(socket: WebSocket, data: string, connection: Connection): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) return resolve();
    if (socket.bufferedAmount > MOST_UNREAD_BYTES) {
      connection.end(tooSlow());
      return resolve();
    }
    // A failure also closes the connection, which reports it.
    socket.send(data, () => resolve());
  });
}

function keepAlive(socket: WebSocket): () => void {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  const timer = setInterval(() => {
    // While the socket is paused, the client's answer may be unread.
    if (!answered && !socket.isPaused) return socket.terminate();
    answered = false;
    socket.ping();
  }, PING_MS).unref();
  return () => clearInterval(timer);
}

interface Refusal {
  readonly status: number;
  readonly error: PublicError;
}

function refusalOf(
  { url = '', headers }: IncomingMessage,
  corsOrigins: readonly string[],
): Refusal | undefined {
  const [path = ''] = url.split('?', 1);
  if (path !== PATH && path !== `${PATH}/`) {
    return { status: 404, error: new PublicError('NOT_FOUND', 'There is no WebSocket here.') };
  }
  if (isWelcomeOrigin(headers, corsOrigins)) return undefined;
  const error = new PublicError('FORBIDDEN', 'This origin may not call the API.', { requires: 'origin' });
  return { status: 403, error };
}

function answerRefusal(socket: Duplex, id: string, { status, error }: Refusal): void {
  const body = JSON.stringify(errorAnswer(error));
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status]}\r\nconnection: close\r\nx-request-id: ${id}\r\n` +
      'x-content-type-options: nosniff\r\n' +
      `content-type: application/json; charset=utf-8\r\ncontent-length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`,
  );
}

function lostNumberIn(message: string): GraphQLError | undefined {
  try {
    refuseLostNumbers(message);
    return undefined;
  } catch (error) {
    return error as GraphQLError;
  }
}

/** The errors that the client may see, as over HTTP; defects are logged. */
function told(
  errors: readonly GraphQLError[],
  connection: Connection,
  leaving: LeavingErrors,
): GraphQLFormattedError[] {
  locate(errors);
  return errors.map((error) => {
    // The error that ended a subscription is wrapped in an error without a path.
    const cause = error.originalError instanceof PublicError ? error.originalError : error;
    const formatted = maskDefect(error.toJSON(), cause);
    const code = formatted.extensions?.['code'];
    leaving.see(
      typeof code === 'string' ? code : 'BAD_USER_INPUT',
      publicError(unwrapResolverError(error)) ?? error,
    );
    if (isDefect(formatted)) {
      const path = error.path?.join('.');
      connection.log.error({ err: unwrapResolverError(error), path }, 'a resolver failed');
      return { ...formatted, extensions: { ...formatted.extensions, requestId: connection.requestId } };
    }
    // An error without a code is about the variables; all others have one here.
    return { ...formatted, extensions: { code: 'BAD_USER_INPUT', ...formatted.extensions } };
  });
}

function failureOf(error: unknown, connection: Connection): Closing {
  if (error instanceof Error && error.message.startsWith('Unexpected message of type')) return badRequest();
  connection.log.error({ err: error }, 'a websocket message failed');
  return defect();
}

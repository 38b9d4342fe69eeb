/**
 * `/graphql` over WebSocket: who may connect, and what the server keeps for a client, all of which is limited.
 * websocket-protocol.ts has the messages.
 */
import { once } from 'node:events';
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { ApolloServer } from '@apollo/server';
import type { FastifyInstance } from 'fastify';
import { handleProtocols } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import type { RequestContext } from '../kernel/graphql/request-context.js';
import { PublicError } from '../kernel/vocabulary/errors.js';
import { Closing, defect, goingAway, tooSlow } from '../services/subscriptions/closing.js';
import { Connection } from '../services/subscriptions/connection.js';
import { OPERATIONS_PER_CONNECTION } from '../services/subscriptions/reservations.js';
import { Inbox, Turns } from '../services/subscriptions/inbox.js';
import { lostNumberIn } from '../kernel/graphql/exact-numbers.js';
import { AnswersInFlight } from './answers-in-flight.js';
import { stopping, type Drain } from './drain.js';
import { errorAnswer } from './error-answers.js';
import { requestId } from './request-id.js';
import type { Services } from './services.js';
import { createSocketAnswers } from './socket-answers.js';
import type { UnreadAnswers } from './unread-answers.js';
import { isWelcomeOrigin } from './websocket-origin.js';
import { createProtocol, failureOf, PATH, type ClientSocket } from './websocket-protocol.js';

/** The interval of pings. A client that has not answered the previous ping is disconnected. */
const PING_MS = 15_000;
/** The time in which a client must confirm a close. */
const CLOSE_MS = 2_000;
/** How long running queries and mutations may take to end when the server closes, as over HTTP (main.ts). */
const LAST_ANSWERS_MS = 10_000;
/** The most bytes that one client may leave unread, besides answers to queries and mutations. */
const MOST_UNREAD_BYTES = 1024 * 1024;
/** The most connections that are not authenticated. */
const MOST_STRANGERS = 1_000;

/** What WebSockets share with the rest of the server. */
export interface WebsocketParts {
  readonly drain: Drain;
  readonly apollo: ApolloServer<RequestContext>;
  readonly unread: UnreadAnswers;
}

/**
 * Accepts WebSockets at the path of GraphQL. When the app closes, running queries and mutations are answered, and then
 * every connection is closed.
 */
export function installWebsocket(
  app: FastifyInstance,
  services: Services,
  { drain, apollo, unread }: WebsocketParts,
): void {
  const { config, connections, shedding } = services;
  const sockets = new WebSocketServer({
    noServer: true,
    // The same limit as for the body of a request.
    maxPayload: app.initialConfig.bodyLimit ?? 0,
    handleProtocols,
  });
  const open = new Map<WebSocket, Connection>();
  const turns = new Turns();
  const protocol = createProtocol(services, drain, createSocketAnswers(services, apollo, app.log, PATH));

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
    for (const connection of open.values()) void endWhenAnswered(connection);
    await Promise.all(closed);
  });

  function crowded(): Refusal | undefined {
    if (open.size - connections.websockets < MOST_STRANGERS) return undefined;
    // Counted again, because closing connections are still in `open` but no longer in `connections.websockets`.
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
    const answers = new AnswersInFlight(request.socket, unread);
    const connection: Connection = new Connection(services, {
      host: request.headers.host,
      address: services.addressOf(request),
      requestId: id,
      log: app.log.child({ requestId: id }),
      begin: (viewer) => new Promise((begin) => shedding.take(viewer, begin)),
      close: ({ code, message }) => {
        inbox?.clear();
        socket.close(code, message);
        setTimeout(() => socket.terminate(), CLOSE_MS).unref();
      },
    });
    open.set(socket, connection);
    // Each refused operation that waits to be answered listens for the end of the connection.
    socket.setMaxListeners(OPERATIONS_PER_CONNECTION + 10);
    const extra: ClientSocket = {
      connection,
      socket,
      requests: 0,
      messageBytes: 0,
      lostNumber: undefined,
      sending: (size) => answers.add(size),
    };
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (data) => {
          const { viewer } = connection;
          if (viewer) services.tenantUsage.add(viewer.tenantId, 'bytes', Buffer.byteLength(data));
          return send(socket, data, connection, answers);
        },
        close: (code = defect().code, reason = '') => connection.end(new Closing(code, reason)),
        onMessage: (handle) => {
          inbox = new Inbox(turns, {
            tenantId: () => connection.viewer?.tenantId ?? '',
            handle: (data) => {
              const text = data.toString();
              // graphql-ws parses the message, and calls `onSubscribe` for it, before `handle` returns.
              extra.messageBytes = data.length;
              extra.lostNumber = lostNumberIn(text);
              handle(text).catch((error: unknown) => connection.end(failureOf(error, connection)));
              extra.lostNumber = undefined;
            },
            pause: () => socket.pause(),
            resume: () => socket.resume(),
          });
        },
      },
      extra,
    );
    socket.on('message', (data: Buffer) => {
      if (socket.readyState === socket.OPEN) inbox?.put(data);
    });
    const stopPinging = keepAlive(socket, answers);
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

/** Lets running queries and mutations be answered, as over HTTP, and closes the connection. */
async function endWhenAnswered(connection: Connection): Promise<void> {
  const patience = setTimeout(() => connection.end(goingAway()), LAST_ANSWERS_MS);
  await connection.requests.idle();
  // The last message about the last request follows its answer.
  await setImmediate();
  clearTimeout(patience);
  connection.end(goingAway());
}

/** Sends a message. Everything is sent here: events, errors and answers to pings. */
function send(
  socket: WebSocket,
  data: string,
  connection: Connection,
  answers: AnswersInFlight,
): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) return resolve();
    if (socket.bufferedAmount - answers.mostBytes > MOST_UNREAD_BYTES) {
      connection.end(tooSlow());
      return resolve();
    }
    // A failure also closes the connection, which reports it.
    socket.send(data, () => resolve());
  });
}

function keepAlive(socket: WebSocket, answers: AnswersInFlight): () => void {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  const timer = setInterval(() => {
    // While the socket is paused, the client's answer may be unread; behind a large answer, so may our ping.
    if (!answered && !socket.isPaused && !answers.isLarge) return socket.terminate();
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

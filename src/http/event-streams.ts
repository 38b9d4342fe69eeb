/**
 * `/graphql/stream`: a subscription as server-sent events, for networks that stop WebSockets. The protocol is graphql-sse
 * with a connection for each operation (its PROTOCOL.md, "distinct connections mode"). Access, limits and events are those
 * of a WebSocket with one subscription.
 *
 * Not the handler of the package `graphql-sse`: it keeps any number of events for a client that does not read.
 */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GraphQLError, type ExecutionResult } from 'graphql';
import { PublicError } from '../kernel/vocabulary/errors.js';
import { RefusedOperation } from '../services/documents/document-reader.js';
import { Closing, defect, goingAway } from '../services/subscriptions/closing.js';
import { Connection } from '../services/subscriptions/connection.js';
import type { LiveSubscription } from '../services/subscriptions/live-subscription.js';
import { readSubscription, type SubscribePayload } from '../services/subscriptions/operation.js';
import { stopping, type Drain } from './drain.js';
import { maskedError, RefusedRequest } from './error-answers.js';
import { findDocument } from './find-document.js';
import { logOf } from './logging.js';
import type { Services } from './services.js';
import { framesOf, type FrameOptions } from './stream-frames.js';
import { toldErrors } from './told-errors.js';
import { isWelcomeOrigin } from './websocket-origin.js';
import { whenClosed } from './when-closed.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The answer lasts as long as its client wants. */
    isStream?: boolean;
  }
}

export const STREAM_PATH = '/graphql/stream';
/** A comment is sent after this time without an event, so that proxies keep the connection. */
export const HEARTBEAT_MS = 15_000;

/** Installs the route. When the app closes, every stream ends. */
export function installEventStreams(app: FastifyInstance, services: Services, drain: Drain): void {
  const { api, config, documents, documentReader, leaving, tenantUsage } = services;
  const find = findDocument(documents);
  const open = new Set<Connection>();
  app.addHook('preClose', async () => {
    for (const connection of open) connection.end(goingAway());
  });

  app.route({
    method: ['GET', 'POST'],
    url: STREAM_PATH,
    config: { authenticated: true, isStream: true },
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      if (drain.isDraining) throw stopping();
      if (request.guest) throw request.guest;
      refuseUnwelcome(request, config.corsOrigins);
      return stream(request, reply);
    },
  });

  async function stream(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    let closing: Closing | undefined;
    let cutOff: () => void = () => undefined;
    const connection = new Connection(services, {
      kind: 'stream',
      host: request.headers.host,
      address: services.addressOf(request.raw),
      requestId: request.id,
      log: request.log,
      close: (reason) => {
        closing = reason;
        cutOff();
      },
    });
    open.add(connection);
    const openedAt = performance.now();
    whenClosed(reply.raw, () => {
      open.delete(connection);
      connection.closed();
      // Of an answer that was sent to its end, the access log has a line.
      if (reply.raw.writableFinished) return;
      const ms = Math.round(performance.now() - openedAt);
      connection.log.info({ path: STREAM_PATH, code: closing?.code, ms }, 'event stream closed');
    });
    try {
      await connection.open(request.headers.authorization);
      const events = await subscribe(connection, request, reply);
      if (closing) throw closing;
      // A client takes it for a lost connection, connects again, and is told why if it may not.
      cutOff = () => reply.raw.destroy();
      const onBytes = (bytes: number) => {
        const { viewer } = connection;
        if (viewer) tenantUsage.add(viewer.tenantId, 'bytes', bytes);
      };
      return await send(reply, events, { isCutOff: () => closing !== undefined, onBytes });
    } catch (error) {
      connection.closed();
      throw error instanceof Closing ? errorOf(error, request.id) : error;
    }
  }

  /** The events, or the result that the client gets instead: why there are none. */
  async function subscribe(
    connection: Connection,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<LiveSubscription | ExecutionResult> {
    try {
      find(request, reply);
      const payload = payloadOf(request);
      const subscription = readSubscription(
        api.schema,
        documentReader,
        payload,
        connection.viewer?.plan.mostCostPerRequest,
      );
      const reservation = connection.reserve(payload.query.length + lengthOf(request));
      return await connection.subscribe(subscription, reservation);
    } catch (error) {
      // The protocol wants them as an event: a browser shows nothing of a refused stream.
      if (error instanceof RefusedOperation) return { errors: error.errors };
      if (error instanceof GraphQLError) return { errors: [error] };
      throw error;
    }
  }

  async function send(
    reply: FastifyReply,
    events: LiveSubscription | ExecutionResult,
    options: Pick<FrameOptions, 'isCutOff' | 'onBytes'>,
  ): Promise<FastifyReply> {
    const { request } = reply;
    const toldTo = { log: logOf(request), requestId: request.id, leaving };
    const told = (result: ExecutionResult) =>
      result.errors ? { ...result, errors: toldErrors(result.errors, toldTo) } : result;
    const frames = framesOf(events, { heartbeatMs: HEARTBEAT_MS, told, ...options });
    // Node destroys a socket without traffic for this time: a client that does not even read heartbeats.
    const { socket } = request.raw;
    socket.setTimeout(2 * HEARTBEAT_MS);
    reply.raw.once('close', () => socket.setTimeout(app.server.timeout));
    return (
      reply
        .header('content-type', 'text/event-stream; charset=utf-8')
        // Nginx would collect the events.
        .header('x-accel-buffering', 'no')
        // One frame at a time: the next event is made when the client has taken this one.
        .send(Readable.from(frames, { objectMode: false, highWaterMark: 1 }))
    );
  }
}

/** Browsers may come from where WebSockets may come from. */
function refuseUnwelcome({ headers }: FastifyRequest, corsOrigins: readonly string[]): void {
  if (!isWelcomeOrigin(headers, corsOrigins)) {
    throw new PublicError('FORBIDDEN', 'This origin may not call the API.', { requires: 'origin' });
  }
  const { accept = '*/*' } = headers;
  if (!/text\/event-stream|text\/\*|\*\/\*/i.test(accept)) {
    throw new RefusedRequest(406, 'There are only event streams here: accept text/event-stream.');
  }
}

/** The bytes that a client has sent: those of the body, or of the URL. A body of unknown length counts as the longest. */
function lengthOf({ raw, headers, server }: FastifyRequest): number {
  if (raw.method === 'GET') return raw.url?.length ?? 0;
  return Number(headers['content-length'] ?? server.initialConfig.bodyLimit);
}

/** @throws BAD_REQUEST when the parameters have other types */
function payloadOf(request: FastifyRequest): SubscribePayload {
  const { query, operationName, variables } =
    request.method === 'GET' ? parametersOf(request) : (Object(request.body) as Record<string, unknown>);
  if (typeof query !== 'string') throw new PublicError('BAD_REQUEST', 'Send the query as a string.');
  if (operationName != null && typeof operationName !== 'string') {
    throw new PublicError('BAD_REQUEST', 'The operationName must be a string.');
  }
  if (variables != null && (typeof variables !== 'object' || Array.isArray(variables))) {
    throw new PublicError('BAD_REQUEST', 'The variables must be an object.');
  }
  return { query, operationName, variables: variables as Record<string, unknown> | null | undefined };
}

function parametersOf({ raw }: FastifyRequest): Record<string, unknown> {
  // findDocument has checked it and written the document into it.
  const { searchParams } = new URL(raw.url ?? '', 'http://localhost');
  const variables = searchParams.get('variables');
  return {
    query: searchParams.get('query') ?? undefined,
    operationName: searchParams.get('operationName'),
    variables: variables === null ? undefined : (JSON.parse(variables) as unknown),
  };
}

/** The answer to a client whose connection is closed before its stream has begun. */
function errorOf({ code, message, error }: Closing, requestId: string): PublicError {
  if (error) return error;
  return code === defect().code ? maskedError({ requestId }) : new PublicError('UNAVAILABLE', message);
}

/**
 * Limits the size and time of unread answers in memory. A connection handles one request at a time, so it holds at most
 * one answer; a large answer that the client stops reading is dropped with its connection.
 */
import { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { whenClosed } from './when-closed.js';

const KIB = 1024;

export const UNREAD_LIMITS = {
  /** A client that has read nothing of an answer for this time is disconnected. */
  stalledMs: 10_000,
  /** The limit of all connections together. Beyond it, the connection with the oldest answer is closed. */
  bytes: 128 * KIB * KIB,
  /** Smaller answers are not counted: a connection itself takes as much. */
  smallBytes: 16 * KIB,
  /** The most pipelined requests of a client. With more it is disconnected. */
  requestsAhead: 16,
};

interface UnreadAnswer {
  readonly socket: Socket;
  readonly bytes: number;
}

/** The large answers that are being sent, over HTTP and over WebSocket. */
export class UnreadAnswers {
  /** The oldest first. */
  readonly #unread = new Set<UnreadAnswer>();
  #total = 0;

  /**
   * Counts an answer until the returned function is called. Its connection is destroyed when the client reads nothing
   * for a time, and when it is the oldest answer of too many bytes.
   */
  add(socket: Socket, bytes: number): () => void {
    const answer = { socket, bytes };
    this.#unread.add(answer);
    this.#total += bytes;
    // Node destroys a socket of HTTP without traffic for this time.
    socket.setTimeout(UNREAD_LIMITS.stalledMs);
    for (const oldest of this.#unread) {
      if (this.#total <= UNREAD_LIMITS.bytes || oldest === answer) break;
      this.#forget(oldest);
      oldest.socket.destroy();
    }
    return () => this.#forget(answer);
  }

  #forget(answer: UnreadAnswer): void {
    if (this.#unread.delete(answer)) this.#total -= answer.bytes;
  }
}

/**
 * Install it before everything that works for a request, and after everything that changes the answer.
 *
 * @returns the answers, to which those over WebSocket are added
 */
export function limitUnreadAnswers(app: FastifyInstance): UnreadAnswers {
  const unread = new UnreadAnswers();
  const waiting = new WeakMap<Socket, number>();

  // Node reads pipelined requests and handles them concurrently, so their answers would wait for each other in memory.
  app.addHook('onRequest', (request, { raw: response }, done) => {
    // A response gets the socket when the previous one has been passed to the operating system.
    if (response.socket !== null) return done();
    const { socket } = request.raw;
    const ahead = (waiting.get(socket) ?? 0) + 1;
    waiting.set(socket, ahead);
    if (ahead > UNREAD_LIMITS.requestsAhead) {
      request.log.info('cut off a client that sends requests and reads no answers');
      socket.destroy();
      return;
    }
    response.once('socket', () => {
      waiting.set(socket, waiting.get(socket)! - 1);
      // Node continues with the next request although the connection has ended; its answer is not needed.
      if (!socket.destroyed) done();
    });
  });

  app.addHook('onSend', (request, reply, payload, done) => {
    if (Buffer.isBuffer(payload) && payload.length > UNREAD_LIMITS.smallBytes) {
      watch(request, reply, payload.length);
    }
    done(null, payload);
  });
  return unread;

  function watch(request: FastifyRequest, { raw: response }: FastifyReply, bytes: number): void {
    const { socket } = response;
    // Not in a test without a connection.
    if (!(socket instanceof Socket)) return;
    const forget = unread.add(socket, bytes);
    whenClosed(response, () => {
      forget();
      if (!response.writableFinished) request.log.info({ bytes }, 'an answer was not read to its end');
      // Unless Node has already set the timeout for the next request.
      if (socket.timeout === UNREAD_LIMITS.stalledMs) socket.setTimeout(app.server.timeout);
    });
  }
}

/**
 * What clients leave unread is kept for them in memory: so much, and so long. A connection is worked off one request at a
 * time, so that it holds one answer at the most; a large one that nobody goes on reading is dropped with its connection.
 */
import { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const KIB = 1024;

export const UNREAD_LIMITS = {
  /** A client that has not read any of an answer for so long is cut off. */
  stalledMs: 10_000,
  /** Of all connections together. Beyond it, the one whose answer has been under way for longest is cut off. */
  bytes: 128 * KIB * KIB,
  /** A smaller answer is not worth counting: a connection itself takes as much. */
  smallBytes: 16 * KIB,
  /** Requests that a client sends before it has read the answer to an earlier one. With more it is cut off. */
  requestsAhead: 16,
};

interface UnreadAnswer {
  readonly socket: Socket;
  readonly bytes: number;
}

/** Comes before everything that does work for a request, and behind everything that changes what is sent. */
export function limitUnreadAnswers(app: FastifyInstance): void {
  /** The oldest first. */
  const unread = new Set<UnreadAnswer>();
  let total = 0;
  const waiting = new WeakMap<Socket, number>();

  // Node reads requests ahead, and has them worked off at the same time: their answers wait for each other in memory.
  app.addHook('onRequest', (request, { raw: response }, done) => {
    // A response has the socket when its turn has come: when the one before has been handed to the operating system.
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
      // Node goes on with the next one though the connection has ended. Nobody waits for its answer.
      if (!socket.destroyed) done();
    });
  });

  app.addHook('onSend', (request, reply, payload, done) => {
    if (Buffer.isBuffer(payload) && payload.length > UNREAD_LIMITS.smallBytes) {
      watch(request, reply, payload.length);
    }
    done(null, payload);
  });

  function watch(request: FastifyRequest, { raw: response }: FastifyReply, bytes: number): void {
    const { socket } = response;
    // Not that of a test without a connection.
    if (!(socket instanceof Socket)) return;
    const answer = { socket, bytes };
    const forget = () => {
      if (unread.delete(answer)) total -= bytes;
    };
    unread.add(answer);
    total += bytes;
    // Node destroys a socket on which nothing has moved for that long.
    socket.setTimeout(UNREAD_LIMITS.stalledMs);
    response.once('close', () => {
      forget();
      if (!response.writableFinished) request.log.info({ bytes }, 'an answer was not read to its end');
      // Unless Node has given it the time for the next request.
      if (socket.timeout === UNREAD_LIMITS.stalledMs) socket.setTimeout(app.server.timeout);
    });
    for (const oldest of unread) {
      if (total <= UNREAD_LIMITS.bytes || oldest === answer) break;
      unread.delete(oldest);
      total -= oldest.bytes;
      oldest.socket.destroy();
    }
  }
}

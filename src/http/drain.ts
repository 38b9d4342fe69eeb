/**
 * Stops the server without failing requests. First it drains: `/readyz` reports not ready, so that the load balancer
 * sends requests elsewhere, and each answer closes its connection, but all requests are answered. Then it closes: new
 * connections are refused, and running requests are completed; those that wait for the database are refused.
 */
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Database } from '../kernel/tenancy/database.js';
import { PublicError } from '../kernel/vocabulary/errors.js';

/** How often a closing server checks for idle connections. */
const CHECKED_EVERY_MS = 100;

/** Set by `begin()`, and by `app.close()`, which may be called without it. */
export class Drain {
  #isDraining = false;
  #isClosing = false;

  /** The server is draining or closing. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** New requests are refused. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  begin(): void {
    this.#isDraining = true;
  }

  close(): void {
    this.#isDraining = this.#isClosing = true;
  }
}

/** The error for requests that arrive when the server is closing. */
export const stopping = () => new PublicError('UNAVAILABLE', 'The server is stopping.');

/**
 * Install it before the authentication.
 *
 * @param gate whose waits end when the server closes, so that their clients can ask another server
 */
export function installDrain(
  app: FastifyInstance,
  drain: Drain,
  gate: Pick<Database['gate'], 'endWaits'>,
): void {
  const sockets = new Set<Socket>();
  let check: NodeJS.Timeout | undefined;
  app.server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  app.addHook('preClose', async () => {
    drain.close();
    gate.endWaits(stopping());
    let unused: Socket[] = [];
    check = setInterval(() => {
      app.server.closeIdleConnections();
      // Node treats a connection without a request yet like one with a running request. A new connection may be about
      // to send one.
      for (const socket of unused) if (socket.bytesRead === 0) socket.destroy();
      unused = [...sockets].filter(({ bytesRead }) => bytesRead === 0);
    }, CHECKED_EVERY_MS);
  });
  app.addHook('onClose', async () => clearInterval(check));
  app.addHook('onRequest', (request, _reply, done) => {
    if (drain.isClosing && request.routeOptions.config.authenticated) done(stopping());
    else done();
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (drain.isDraining) void reply.header('connection', 'close');
    done(null, payload);
  });
}

/**
 * How the server stops without failing a request. First it only says that it will: `/readyz` answers no, so that the
 * balancer sends requests elsewhere, and each answer closes its connection. Whatever comes meanwhile is answered. Then it
 * closes: nothing new is accepted, and what is under way is finished.
 */
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { PublicError } from '../kernel/vocabulary/errors.js';

/** How often a server that closes looks for connections that do nothing. */
const CHECKED_EVERY_MS = 100;

/** Told by `begin()` and by `app.close()`, which need not come after it. */
export class Drain {
  #isDraining = false;
  #isClosing = false;

  /** The server is about to stop, or stops. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Requests that come are refused. */
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

/** What a request is refused with that comes when the server is about to close. */
export const stopping = () => new PublicError('UNAVAILABLE', 'The server is stopping.');

/** Comes before authentication. */
export function installDrain(app: FastifyInstance, drain: Drain): void {
  const sockets = new Set<Socket>();
  let check: NodeJS.Timeout | undefined;
  app.server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  app.addHook('preClose', async () => {
    drain.close();
    let unused: Socket[] = [];
    check = setInterval(() => {
      app.server.closeIdleConnections();
      // Node waits for the first request of a connection as if it had begun. One that is new may be about to send it.
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

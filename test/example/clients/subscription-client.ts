import { createClient, type Client } from 'graphql-ws';
import type { Session } from './session.js';

/** Between attempts to connect: up to half a second at first, twice as long after each, and at most this. */
const LONGEST_WAIT_MS = 30_000;
/** A connection that is silent is asked for a sign of life, and given up when none comes in time. */
const PING_EVERY_MS = 15_000;
const PONG_WITHIN_MS = 10_000;

/**
 * A client whose subscriptions last: they are made again after every restart of the server and every loss of the
 * network, until the user has lost access.
 *
 * @param missed called when all subscriptions are in force again after a loss: events may have been missed, so read again
 * what is shown
 */
export function createSubscriptionClient(
  { url, token, webSocket }: Pick<Session, 'url' | 'token' | 'webSocket'>,
  missed: () => void,
): Client {
  let dead: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    url: url.replace(/^http/, 'ws'),
    // A function: each time the client connects, it asks for a token that is valid then.
    connectionParams: async () => ({ authorization: `Bearer ${await token()}` }),
    retryAttempts: Infinity,
    // By default the client gives up when a connection is refused, as while a server restarts.
    shouldRetry: (problem) => !hasLostAccess(problem),
    // At random, so that not all clients come back in the same moment.
    retryWait: (retries) => {
      const most = Math.min(LONGEST_WAIT_MS, 500 * 2 ** retries);
      return new Promise((resolve) => setTimeout(resolve, Math.random() * most));
    },
    keepAlive: PING_EVERY_MS,
    on: {
      ping: (isReceived) => {
        if (!isReceived) dead = setTimeout(() => client.terminate(), PONG_WITHIN_MS);
      },
      pong: (isReceived) => {
        if (isReceived) clearTimeout(dead);
      },
      closed: () => clearTimeout(dead),
      connected: (_socket, _payload, wasRetry) => {
        if (!wasRetry) return;
        // The server answers it when the subscriptions that were sent before it are in force.
        client.subscribe(
          { query: '{ __typename }' },
          { next: () => missed(), error: () => undefined, complete: () => undefined },
        );
      },
    },
    ...(webSocket !== undefined && { webSocketImpl: webSocket }),
  });
  return client;
}

/** Not after an expired token, which is replaced by the next one. */
function hasLostAccess(problem: unknown): boolean {
  const { code, reason = '' } = Object(problem) as { readonly code?: number; readonly reason?: string };
  return code === 4403 && !reason.startsWith('UNAUTHENTICATED');
}

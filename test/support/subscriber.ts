/** A real client of subscriptions: graphql-ws over ws, as a browser would use it, but with any headers. */
import { createClient, type Client, type CloseCode } from 'graphql-ws';
import { afterEach } from 'vitest';
import { WebSocket } from 'ws';
import type { TestServer } from './server.js';
import { until } from './until.js';

export interface Message {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions?: Readonly<Record<string, unknown>>;
  }[];
}

/** How a connection ended, as its client was told. */
export interface Closed {
  readonly code: CloseCode | number;
  readonly reason: string;
}

/** One subscription, as the client sees it. */
export interface Watched {
  readonly messages: readonly Message[];
  /** `undefined` while it goes on; errors, a close, or `null` when it completed. */
  readonly end: unknown;
  stop(): void;
}

export interface Subscriber {
  subscribe(query: string, variables?: Record<string, unknown>): Watched;
  /** Undefined while the connection is open, or is not yet. */
  readonly closed: Closed | undefined;
  readonly connections: number;
}

export interface SubscriberOptions {
  readonly token?: string;
  /** Instead of `{ authorization: "Bearer <token>" }`. */
  readonly params?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
  readonly retryAttempts?: number;
}

const clients = new Set<Client>();
const sockets = new Set<WebSocket>();

/**
 * Call it at the top level: the connections of a test end with it, however they are cut off, and the servers keep nothing of
 * them.
 */
export function endSubscribersAfterEach(servers: () => readonly Pick<TestServer, 'url'>[]): void {
  afterEach(async () => {
    for (const client of clients) {
      await Promise.resolve(client.dispose()).catch(() => undefined);
      client.terminate();
    }
    for (const socket of sockets) socket.terminate();
    clients.clear();
    sockets.clear();
    for (const server of servers()) {
      await until('no connection is left', async () => (await connectionsAt(server)) === 0);
      if ((await subscriptionsAt(server)) !== 0)
        throw new Error('a subscription has outlived its connection');
    }
  });
}

export const websocketUrl = (server: Pick<TestServer, 'url'>): string =>
  `${server.url.replace(/^http/, 'ws')}/graphql`;

export function subscriberOf(server: Pick<TestServer, 'url'>, options: SubscriberOptions = {}): Subscriber {
  const { token, headers = {}, retryAttempts = 0 } = options;
  let closed: Closed | undefined;
  let connections = 0;
  const client = createClient({
    url: websocketUrl(server),
    webSocketImpl: class extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, { headers });
      }
    },
    connectionParams: options.params ?? (token === undefined ? {} : { authorization: `Bearer ${token}` }),
    retryAttempts,
    retryWait: () => Promise.resolve(),
    // Until the test ends: a client closes when its last subscription is over.
    lazyCloseTimeout: 60_000,
    on: {
      connected: () => {
        connections++;
        closed = undefined;
      },
      closed: (event) => {
        const { code, reason } = event as Closed;
        closed = { code, reason };
      },
    },
  });
  clients.add(client);
  return {
    get closed() {
      return closed;
    },
    get connections() {
      return connections;
    },
    subscribe(query, variables = {}) {
      const messages: Message[] = [];
      let end: unknown;
      const stop = client.subscribe(
        { query, variables },
        {
          next: (message) => messages.push(message as Message),
          error: (error) => {
            end = error;
          },
          complete: () => {
            end ??= null;
          },
        },
      );
      return {
        messages,
        get end() {
          return end;
        },
        stop,
      };
    },
  };
}

/** How many subscriptions are in force at a server, as it says in its metrics. */
export const subscriptionsAt = (server: Pick<TestServer, 'url'>) => metric(server, 'tenantry_subscriptions');

/** How many clients are connected to a server that have said who they are. */
export const connectionsAt = (server: Pick<TestServer, 'url'>) =>
  metric(server, 'tenantry_websocket_connections');

async function metric(server: Pick<TestServer, 'url'>, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const value = new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`there is no metric ${name}`);
  return Number(value);
}

/** Subscribes, and waits until the server says that one more subscription is in force. */
export async function inForce(server: TestServer, subscribe: () => Watched): Promise<Watched> {
  const before = await subscriptionsAt(server);
  const watched = subscribe();
  await until('a subscription is in force', async () => (await subscriptionsAt(server)) > before);
  return watched;
}

/** A connection whose every message is the test's own. */
export interface RawSocket {
  readonly socket: WebSocket;
  readonly messages: readonly Record<string, unknown>[];
  readonly closed: Closed | undefined;
  send(message: unknown): void;
}

export async function rawSocket(
  server: Pick<TestServer, 'url'>,
  options: { readonly protocols?: string[]; readonly headers?: Record<string, string> } = {},
): Promise<RawSocket> {
  const { protocols = ['graphql-transport-ws'], headers = {} } = options;
  const socket = new WebSocket(websocketUrl(server), protocols, { headers });
  sockets.add(socket);
  const messages: Record<string, unknown>[] = [];
  let closed: Closed | undefined;
  socket.on('message', (data: Buffer) =>
    messages.push(JSON.parse(data.toString()) as Record<string, unknown>),
  );
  socket.on('close', (code, reason) => {
    closed = { code, reason: reason.toString() };
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  socket.on('error', () => undefined);
  return {
    socket,
    messages,
    get closed() {
      return closed;
    },
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
  };
}

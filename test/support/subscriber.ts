/** A client of subscriptions: graphql-ws with ws, as in a browser, but with any headers. */
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

/** The close frame that a client received. */
export interface Closed {
  readonly code: CloseCode | number;
  readonly reason: string;
}

/** A subscription of a client. */
export interface Watched {
  readonly messages: readonly Message[];
  /** Undefined while the subscription is active. Then errors, a close frame, or `null` when it completed. */
  readonly end: unknown;
  stop(): void;
}

export interface Subscriber {
  subscribe(query: string, variables?: Record<string, unknown>): Watched;
  /** Undefined while the connection is open or not yet open. */
  readonly closed: Closed | undefined;
  readonly connections: number;
}

export interface SubscriberOptions {
  readonly token?: string;
  /** Replaces the connection parameters `{ authorization: "Bearer <token>" }`. */
  readonly params?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
  readonly retryAttempts?: number;
}

const clients = new Set<Client>();
const sockets = new Set<WebSocket>();

/**
 * Closes all connections after each test and checks that the servers keep nothing of them. Call it at the top level.
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
    // Keeps the connection open until the test ends. By default a client closes it with its last subscription.
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
export const subscriptionsAt = (server: Pick<TestServer, 'url'>) =>
  metricAt(server, 'tenantry_subscriptions');

/** The number of authenticated clients in a server's metrics. */
export const connectionsAt = (server: Pick<TestServer, 'url'>) =>
  metricAt(server, 'tenantry_websocket_connections');

/** With which servers of tests that run as in production show their metrics. */
export const METRICS_TOKEN = 'the metrics of a test';

/** A gauge of a server. */
export async function metricAt(server: Pick<TestServer, 'url'>, name: string): Promise<number> {
  const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
  const text = await (await fetch(`${server.url}/metrics`, { headers })).text();
  const value = new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`there is no metric ${name}`);
  return Number(value);
}

/**
 * Waits until a server receives notifications. It refuses subscriptions when that takes seconds, as after a start on a slow
 * machine.
 */
export const hearing = ({ services }: TestServer): Promise<void> =>
  until('the server receives notifications', () => services.invalidations.isLive);

/** Subscribes and waits until the server's metrics count one more subscription. */
export async function inForce(server: TestServer, subscribe: () => Watched): Promise<Watched> {
  await hearing(server);
  const before = await subscriptionsAt(server);
  const watched = subscribe();
  await until('a subscription is in force', async () => (await subscriptionsAt(server)) > before);
  return watched;
}

/** A connection on which the test controls every message. */
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

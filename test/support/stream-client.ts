/** Clients of event streams: the one of the package graphql-sse, and a bare one that shows what is sent. */
import http from 'node:http';
import { Readable } from 'node:stream';
import { createClient, type Client } from 'graphql-sse';
import { afterEach } from 'vitest';
import type { TestServer } from './server.js';
import { metricAt, type Message, type Watched } from './subscriber.js';
import { until } from './until.js';

export const streamUrl = ({ url }: Pick<TestServer, 'url'>): string => `${url}/graphql/stream`;

/** How many event streams are open at a server, as it says in its metrics. */
export const streamsAt = (server: Pick<TestServer, 'url'>) => metricAt(server, 'tenantry_event_streams');

/**
 * `fetch` with a connection of its own for each request. The one of Node opens connections ahead when a request is
 * aborted, and uses them when the server has given them up (408).
 */
const freshFetch = (url: string, { method = 'GET', headers, body, signal }: RequestInit): Promise<Response> =>
  new Promise((resolve, reject) => {
    const options = {
      method,
      headers: Object.fromEntries(new Headers(headers)),
      agent: false,
      ...(signal && { signal }),
    };
    http
      .request(url, options, (answer) => {
        const { statusCode: status = 0, headers: received } = answer;
        const lines = Object.entries(received).map(([name, value]): [string, string] => [
          name,
          String(value),
        ]);
        resolve(new Response(Readable.toWeb(answer) as ReadableStream, { status, headers: lines }));
      })
      .on('error', reject)
      .end(body as string | undefined);
  });

const clients = new Set<Client>();
const controllers = new Set<AbortController>();

/** Call it at the top level. */
export function endStreamsAfterEach(servers: () => readonly Pick<TestServer, 'url'>[]): void {
  afterEach(async () => {
    for (const client of clients) client.dispose();
    for (const controller of controllers) controller.abort();
    clients.clear();
    controllers.clear();
    for (const server of servers())
      await until('no stream is left', async () => (await streamsAt(server)) === 0);
  });
}

/** Subscribes with graphql-sse, a connection for each subscription; waits until it is in force unless it has ended. */
export async function streamed(
  server: Pick<TestServer, 'url'>,
  token: string,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<Watched> {
  const client = createClient({
    url: streamUrl(server),
    headers: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    fetchFn: freshFetch,
  });
  clients.add(client);
  const messages: Message[] = [];
  let end: unknown;
  let isConnected = false;
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
    { connected: () => (isConnected = true) },
  );
  const watched = {
    messages,
    get end() {
      return end;
    },
    stop,
  };
  await until('the stream has begun or ended', () => isConnected || end !== undefined);
  return watched;
}

export interface BareStream {
  readonly response: Response;
  /** What has arrived. */
  readonly text: string;
  readonly hasEnded: boolean;
}

/** Sends a request and reads the answer as it comes. */
export async function bareStream(
  server: Pick<TestServer, 'url'>,
  init: RequestInit,
  query = '',
): Promise<BareStream> {
  const controller = new AbortController();
  controllers.add(controller);
  const response = await freshFetch(streamUrl(server) + query, { ...init, signal: controller.signal });
  const stream = { response, text: '', hasEnded: false };
  void (async () => {
    const decoder = new TextDecoder();
    const reader = response.body?.getReader();
    try {
      for (;;) {
        const part = await reader?.read();
        if (!part || part.done) break;
        stream.text += decoder.decode(part.value, { stream: true });
      }
    } catch {
      // The server or the test has cut it off.
    }
    stream.hasEnded = true;
  })();
  return stream;
}

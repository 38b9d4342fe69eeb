/**
 * A small server of two tenants, over HTTP, WebSocket and event streams, that leaks in one way, or loses what it is asked.
 * The token of a caller is the name of the tenant.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema, GraphQLError, graphql, parse, subscribe, type ExecutionResult } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

/** What is wrong with the server; `nothing` for one that is right. */
export type Fault =
  | 'nothing'
  /** A query over WebSocket answers the rows of any tenant. */
  | 'query leaks'
  /** A query over WebSocket has another number of another tenant's row: the only difference of two answers. */
  | 'query leaks a number'
  /** A subscription brings an event about a row of any tenant. */
  | 'subscription leaks'
  /** An event stream brings an event about a row of any tenant. */
  | 'stream leaks'
  /** WebSockets are closed at their first operation. */
  | 'sockets close'
  /** WebSockets are closed at their second operation. */
  | 'sockets close later'
  /** Queries over WebSocket are refused for their rate, after the first. */
  | 'queries are refused'
  /** Event streams are answered 503, after the first. */
  | 'streams are refused'
  /** Event streams end without a word. */
  | 'streams end';

export const OWN = 'note_00000000-0000-4000-8000-00000000000a';
export const VICTIMS = 'note_00000000-0000-4000-8000-00000000000b';
export const VICTIMS_TEXT = 'what only globex may read';

const ROWS = [
  { id: OWN, tenant: 'acme', text: 'a note of acme', number: 1 },
  { id: VICTIMS, tenant: 'globex', text: VICTIMS_TEXT, number: 2 },
];

export const schema = buildSchema(`
  type Note { id: ID! text: String number: Int }
  type Query { note(id: ID!): Note count(id: ID!): Note }
  type Subscription { noteChanged(id: ID): Note }
`);

type Caller = string;

function rootOf(caller: Caller, fault: Fault, way: 'http' | 'socket' | 'stream') {
  const find = (id: string, isLeaking: boolean) =>
    ROWS.find((row) => row.id === id && (isLeaking || row.tenant === caller)) ?? null;
  const leaks = (kind: Fault) => way === 'socket' && fault === kind;
  return {
    note: ({ id }: { id: string }) => find(id, leaks('query leaks')),
    count: ({ id }: { id: string }) =>
      leaks('query leaks a number')
        ? { id: '1', text: null, number: find(id, true) ? 2 : 1 }
        : { id: '1', text: null, number: 1 },
    noteChanged: async function* ({ id }: { id?: string }) {
      const isLeaking = fault === 'stream leaks' ? way === 'stream' : leaks('subscription leaks');
      const row = isLeaking && id !== undefined ? find(id, true) : null;
      if (row && row.tenant !== caller) yield { noteChanged: row };
      await new Promise(() => undefined);
    },
  };
}

export async function startToyServer(fault: Fault): Promise<{ url: URL; close: () => Promise<void> }> {
  let streams = 0;
  let operations = 0;
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { query, variables } = JSON.parse(Buffer.concat(chunks).toString()) as {
      query: string;
      variables?: Record<string, unknown>;
    };
    const caller = String(request.headers.authorization).replace('Bearer ', '');
    if (!request.url!.endsWith('/stream')) {
      const rootValue = rootOf(caller, fault, 'http');
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify(await graphql({ schema, source: query, rootValue, variableValues: variables })),
      );
      return;
    }
    if (streams++ > 0 && fault === 'streams are refused') {
      response.writeHead(503).end();
      return;
    }
    // With the first event, which arrives before the client can take the stream for a silent one.
    response.cork();
    setImmediate(() => response.uncork());
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(':\n\n');
    if (fault === 'streams end') {
      response.end();
      return;
    }
    const events = await subscribe({
      schema,
      document: parse(query),
      rootValue: rootOf(caller, fault, 'stream'),
      variableValues: variables,
    }).catch((error: unknown): ExecutionResult => ({ errors: [new GraphQLError(String(error))] }));
    const send = (result: ExecutionResult) =>
      response.write(`event: next\ndata: ${JSON.stringify(result)}\n\n`);
    if (!(Symbol.asyncIterator in events)) {
      send(events);
      response.end('event: complete\ndata:\n\n');
      return;
    }
    for await (const event of events) send(event);
  }

  const sockets = new WebSocketServer({ server });
  useServer<{ authorization?: string }, { socket: { close: (code: number) => void } }>(
    {
      schema,
      roots: {},
      context: () => undefined,
      onSubscribe: ({ connectionParams, extra: { socket } }, _id, { query, variables }) => {
        operations++;
        if (fault === 'sockets close' || (fault === 'sockets close later' && operations > 1)) {
          socket.close(1012);
        }
        if (fault === 'queries are refused' && operations > 1)
          return [new GraphQLError('Later.', { extensions: { code: 'RATE_LIMITED' } })];
        const caller = String(connectionParams?.authorization).replace('Bearer ', '');
        return {
          schema,
          document: parse(query),
          rootValue: rootOf(caller, fault, 'socket'),
          variableValues: variables,
        };
      },
    },
    sockets,
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${String(port)}/graphql`),
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

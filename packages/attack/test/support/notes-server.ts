/**
 * A small server of the notes of two tenants, over HTTP by POST, GET and in batches, and over WebSocket. The token of a caller
 * is the name of the tenant. It is right, or has one fault.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema, graphql, Kind, parse } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

export type Fault =
  | 'nothing'
  /** A note of any tenant is read by GET. */
  | 'gets leak'
  /** A note of any tenant is read beside another one in one operation. */
  | 'aliases leak'
  /** A note of any tenant is read in a batch. */
  | 'batches leak'
  /** A note of any tenant is found by two ids that belong together. */
  | 'pairs leak'
  /** A note of any tenant is renamed, though the answer is that there is none. */
  | 'a mutation changes others'
  /** The same by two ids that belong together. */
  | 'a pair changes others'
  /** The same over WebSocket alone. */
  | 'a mutation over WebSocket changes others'
  /** A number of the attacker depends on the victim. */
  | 'a number depends on others';

export const schema = buildSchema(`
  type Note { id: ID! text: String! topicId: ID! }
  type Use { requests: Int! }
  type Query {
    notes: [Note!]!
    use: Use!
    count: Int!
    note(id: ID!): Note
    found(noteId: ID, topicId: ID): Note
  }
  type Mutation {
    addNote(text: String!): Note!
    renameNote(id: ID!, topicId: ID, text: String): Note
  }
`);

interface Note {
  readonly id: string;
  readonly tenant: string;
  readonly topicId: string;
  text: string;
}

const noteOf = (tenant: string, digit: string): Note => ({
  id: `note_00000000-0000-4000-8000-00000000000${digit}`,
  tenant,
  topicId: `topic_00000000-0000-4000-8000-00000000000${digit}`,
  text: `the first note of ${tenant}`,
});

type Way = 'post' | 'get' | 'batch' | 'socket';

export interface NotesServer {
  readonly url: URL;
  readonly notes: readonly Note[];
  readonly close: () => Promise<void>;
}

/** The use of each tenant grows with each of its requests, as on servers that count it. */
export async function startNotesServer(fault: Fault): Promise<NotesServer> {
  const notes = [noteOf('acme', 'a'), noteOf('globex', 'b')];
  const used = new Map<string, number>();

  function rootOf(tenant: string, way: Way, fields: number) {
    used.set(tenant, (used.get(tenant) ?? 0) + 1);
    const own = () => notes.filter((note) => note.tenant === tenant);
    const readsAll =
      (fault === 'gets leak' && way === 'get') ||
      (fault === 'batches leak' && way === 'batch') ||
      (fault === 'aliases leak' && fields > 1);
    const rename = (id: string, topicId: string | undefined, text: string) => {
      const isOpen =
        fault === 'a mutation changes others' ||
        (fault === 'a mutation over WebSocket changes others' && way === 'socket') ||
        (fault === 'a pair changes others' &&
          notes.some((note) => note.id === id && note.topicId === topicId));
      const found = (isOpen ? notes : own()).find((note) => note.id === id);
      if (found) found.text = text;
      return found?.tenant === tenant ? found : null;
    };
    return {
      notes: own,
      use: { requests: used.get(tenant) },
      count: () => (fault === 'a number depends on others' ? notes : own()).length,
      note: ({ id }: { id: string }) => (readsAll ? notes : own()).find((note) => note.id === id) ?? null,
      found: ({ noteId, topicId }: { noteId?: string; topicId?: string }) =>
        (fault === 'pairs leak' ? notes : own()).find(
          (note) => note.id === noteId && note.topicId === topicId,
        ) ?? null,
      addNote: ({ text }: { text: string }) => {
        const note = { ...noteOf(tenant, '0'), id: `note_${crypto.randomUUID()}`, text };
        notes.push(note);
        return note;
      },
      renameNote: ({ id, topicId, text = '' }: { id: string; topicId?: string; text?: string }) =>
        rename(id, topicId, text),
    };
  }

  interface Asked {
    readonly query: string;
    readonly variables?: Record<string, unknown>;
  }
  const fieldsOf = (query: string): number => {
    const [operation] = parse(query).definitions;
    return operation?.kind === Kind.OPERATION_DEFINITION ? operation.selectionSet.selections.length : 0;
  };
  const run = ({ query, variables }: Asked, tenant: string, way: Way) =>
    graphql({
      schema,
      source: query,
      rootValue: rootOf(tenant, way, fieldsOf(query)),
      ...(variables && { variableValues: variables }),
    });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const tenant = String(request.headers.authorization).replace('Bearer ', '');
    const { searchParams } = new URL(request.url!, 'http://localhost');
    const query = searchParams.get('query');
    let result: unknown;
    if (request.method === 'GET' && query !== null) {
      const variables = JSON.parse(searchParams.get('variables') ?? '{}') as Record<string, unknown>;
      result = await run({ query, variables }, tenant, 'get');
    } else {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Asked | readonly Asked[];
      result = Array.isArray(body)
        ? await Promise.all((body as readonly Asked[]).map((each) => run(each, tenant, 'batch')))
        : await run(body as Asked, tenant, 'post');
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(result));
  }
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });
  const sockets = new WebSocketServer({ server });
  useServer<{ authorization?: string }>(
    {
      schema,
      roots: {},
      context: () => undefined,
      onSubscribe: ({ connectionParams }, _id, { query, variables }) => ({
        schema,
        document: parse(query),
        rootValue: rootOf(String(connectionParams?.authorization).replace('Bearer ', ''), 'socket', 1),
        variableValues: variables,
      }),
    },
    sockets,
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: new URL(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}/graphql`),
    notes,
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

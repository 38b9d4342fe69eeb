/**
 * The WebSocket at /graphql with hostile or faulty clients: what they may send, how much, how fast they must read, from
 * which origins they may connect, and how they are disconnected. Every refusal has its code and costs the server only
 * the connection.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { untilHearing } from '../support/hearing.js';
import { createNotes, notesModule } from '../support/notes.js';
import { rawPost } from '../support/raw-request.js';
import { startTestServer, useServer } from '../support/server.js';
import {
  connectionsAt,
  endSubscribersAfterEach,
  inForce,
  rawSocket,
  subscriberOf,
  subscriptionsAt,
  type RawSocket,
} from '../support/subscriber.js';
import { until } from '../support/until.js';

const modules = [tenantModule, membershipModule, notesModule];
const server = useServer({ modules, env: { CORS_ORIGINS: 'https://app.example.com' } });
endSubscribersAfterEach(() => [server()]);

let token: string;
beforeAll(async () => {
  await createNotes(server().database);
  await untilHearing(server());
  ({ token } = await server().as('owner', 'acme'));
});

const init = (of = token) => ({ type: 'connection_init', payload: { authorization: `Bearer ${of}` } });
const subscribe = (query: string, id = 'a', rest: object = {}) => ({
  type: 'subscribe',
  id,
  payload: { query, ...rest },
});

const closing = (raw: RawSocket) => until('the connection is closed', () => raw.closed !== undefined);
const answer = (raw: RawSocket, type: string) =>
  until(`${type} comes`, () => raw.messages.some((message) => message['type'] === type));

async function initialised(): Promise<RawSocket> {
  const raw = await rawSocket(server());
  raw.send(init());
  await answer(raw, 'connection_ack');
  return raw;
}

/** Writes through the server's database, as a resolver does. */
async function write(statement: Prisma.Sql): Promise<void> {
  const tenantId = await server().database.tenantId('acme');
  await server()
    .services.database.forTenant({ tenantId, actor: { type: 'user', id: 'test' }, requestId: 'test' })
    .$executeRaw(statement);
}

describe('a message that is not expected', () => {
  test.each<[string, unknown, number]>([
    ['that is no JSON', 'nonsense', 4400],
    ['that is no object', '[]', 4400],
    ['of an unknown type', { type: 'start' }, 4400],
    ['of a type that only servers send', { type: 'connection_ack' }, 4400],
    ['to subscribe, of somebody unknown', subscribe('subscription { anyNote }'), 4401],
    ['of more than 100 KiB', `{"type":"ping","payload":{"x":"${'x'.repeat(101 * 1024)}"}}`, 1009],
  ])('%s ends the connection', async (_name, message, code) => {
    const raw = await rawSocket(server());
    raw.send(message);
    await closing(raw);
    expect(raw.closed?.code).toBe(code);
    expect(raw.messages).toEqual([]);
  });

  test.each<[string, unknown, number]>([
    ['to begin once more', { type: 'connection_init' }, 4429],
    ['to subscribe without a document', { type: 'subscribe', id: 'a', payload: {} }, 4400],
    ['to subscribe under an id that is taken', subscribe('subscription { anyNote }'), 4409],
    ['with what only servers send', { type: 'next', id: 'a', payload: { data: null } }, 4400],
  ])('%s ends a connection that was good so far', async (_name, message, code) => {
    const raw = await initialised();
    raw.send(subscribe('subscription { anyNote }'));
    await until('a subscription is in force', async () => (await subscriptionsAt(server())) === 1);
    raw.send(message);
    await closing(raw);
    expect(raw.closed?.code).toBe(code);
  });

  test('is any in another protocol, or in none', async () => {
    await expect(rawSocket(server(), { protocols: ['graphql-ws'] })).rejects.toThrow('no subprotocol');
    const raw = await rawSocket(server(), { protocols: [] });
    await closing(raw);
    expect(raw.closed?.code).toBe(4406);
  });

  test('is none at all for three seconds', async () => {
    const since = performance.now();
    const raw = await rawSocket(server());
    await closing(raw);
    expect(raw.closed?.code).toBe(4408);
    expect(performance.now() - since).toBeGreaterThan(2_500);
  });

  test('is not a ping, whoever it is from', async () => {
    const raw = await rawSocket(server());
    raw.send({ type: 'ping', payload: { n: 1 } });
    await answer(raw, 'pong');
    expect(raw.messages).toEqual([{ type: 'pong', payload: { n: 1 } }]);
    raw.socket.close();
  });
});

describe('an operation is refused', () => {
  /** The payload of the error message, which ends the operation and nothing else. */
  async function refusal(query: string, rest: object = {}): Promise<unknown> {
    const raw = await initialised();
    raw.send(subscribe(query, 'a', rest));
    await until('it is answered', () => raw.messages.length > 1);
    raw.send({ type: 'ping' });
    await answer(raw, 'pong');
    raw.socket.close();
    const { type, id, payload } = raw.messages[1] as { type: string; id: string; payload: unknown };
    expect(id).toBe('a');
    return type === 'error' ? payload : { type, payload };
  }
  const levels = Array.from({ length: 20 }, (_, n) => [`F${n}`, `F${n + 1}`] as const);
  const multiplied = `subscription { noteChanged { note { ...F0 } } } fragment F20 on Note { id } ${levels
    .map(([own, next]) => `fragment ${own} on Note { a: itself { ...${next} } b: itself { ...${next} } }`)
    .join(' ')}`;
  const errorOf = (code: string, message: RegExp, details: object = {}): unknown => [
    expect.objectContaining({
      message: expect.stringMatching(message) as string,
      extensions: { code, ...details },
    }),
  ];

  test.each([
    ['that is none', 'subscription {', 'GRAPHQL_PARSE_FAILED', /Syntax/],
    [
      'of too many tokens',
      `subscription { ${'a '.repeat(2_001)} }`,
      'GRAPHQL_PARSE_FAILED',
      /tokens/,
      { limit: 2_000 },
    ],
    ['that does not fit the schema', 'subscription { nothing }', 'GRAPHQL_VALIDATION_FAILED', /nothing/],
    ['that lies about a fragment', 'subscription { ...F }', 'GRAPHQL_VALIDATION_FAILED', /F/],
    ['with two fields', 'subscription { anyNote brokenNote }', 'GRAPHQL_VALIDATION_FAILED', /only one/],
    ['that reads the schema', 'subscription { __typename }', 'GRAPHQL_VALIDATION_FAILED', /introspection/],
    [
      'with a field that may not be there',
      'subscription { anyNote @skip(if: true) }',
      'GRAPHQL_VALIDATION_FAILED',
      /@skip/,
    ],
    [
      'with such a field behind a variable and a fragment',
      'subscription ($x: Boolean!) { ... on Subscription { ...F } } fragment F on Subscription { anyNote @include(if: $x) }',
      'GRAPHQL_VALIDATION_FAILED',
      /@include/,
    ],
    [
      'with fragments in a circle',
      'subscription { ...F } fragment F on Subscription { ...F }',
      'GRAPHQL_VALIDATION_FAILED',
      /./,
    ],
    ['whose fields multiply', multiplied, 'GRAPHQL_VALIDATION_FAILED', /levels deep|more than \d+ fields/],
    [
      'that is not named, of several',
      'subscription A { anyNote } subscription B { anyNote }',
      'OPERATION_RESOLUTION_FAILURE',
      /./,
    ],
  ] as [string, string, string, RegExp, object?][])('%s', async (_name, query, code, message, details) => {
    expect(await refusal(query)).toEqual(errorOf(code, message, details));
  });

  test('that is named and is not there', async () => {
    expect(await refusal('subscription A { anyNote }', { operationName: 'B' })).toEqual(
      errorOf('OPERATION_RESOLUTION_FAILURE', /./),
    );
  });

  test.each(['9007199254740993', '1e400'])('with the number %s, which would be rounded', async (number) => {
    const raw = await initialised();
    const query = 'subscription ($times: Int!) { anyNote(times: $times) }';
    raw.send(`{"type":"subscribe","id":"a","payload":{"query":"${query}","variables":{"times":${number}}}}`);
    await answer(raw, 'error');
    raw.send(subscribe('subscription { anyNote }', 'b'));
    await until('the next one is in force', async () => (await subscriptionsAt(server())) === 1);
    raw.socket.close();
    expect(raw.messages[1]).toMatchObject({ id: 'a', payload: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
  });

  test('whose variables have the wrong type', async () => {
    const query = 'subscription ($times: Int!) { anyNote(times: $times) }';
    expect(await refusal(query, { variables: { times: 'many' } })).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(/^times: /) as string,
        extensions: { code: 'BAD_USER_INPUT', field: 'times' },
      }),
    ]);
  });

  test('over HTTP, with the way to go, and before anything is executed', async () => {
    const ask = async (query: string, operationName?: string) => {
      const body = JSON.stringify({ query, operationName });
      return rawPost(`${server().url}/graphql`, { authorization: `Bearer ${token}`, body });
    };
    const both = 'query Q { me { role } } subscription S { brokenNote }';
    for (const { status, text } of [await ask('subscription { brokenNote }'), await ask(both, 'S')]) {
      expect(status).toBe(400);
      expect(JSON.parse(text)).toEqual({
        errors: [
          { message: expect.stringContaining('WebSocket') as string, extensions: { code: 'BAD_REQUEST' } },
        ],
      });
    }
    expect(await ask(both, 'Q')).toMatchObject({
      status: 200,
      text: expect.stringMatching(/^\{"data":\{"me":\{"role":"OWNER"\}\}/) as string,
    });
    const conditional = 'query Q { me { role } } subscription ($x: Boolean!) { brokenNote @skip(if: $x) }';
    expect(await ask(conditional, 'Q')).toMatchObject({ status: 400 });
  });
});

describe('one client', () => {
  test('has at most 50 subscriptions on a connection, and may have another when one is over', async () => {
    const client = subscriberOf(server(), { token });
    const watched = Array.from({ length: 50 }, () => client.subscribe('subscription { anyNote }'));
    await until('all are in force', async () => (await subscriptionsAt(server())) === 50);
    const more = client.subscribe('subscription { anyNote }');
    await until('it is refused', () => more.end !== undefined);
    expect(more.end).toEqual([
      expect.objectContaining({ message: 'A connection has at most 50 operations at a time.' }),
    ]);
    watched[0]!.stop();
    await until('one is over', async () => (await subscriptionsAt(server())) === 49);
    await inForce(server(), () => client.subscribe('subscription { anyNote }'));
  });

  test('has no more of them by asking for all at once, and no fewer for what was refused', async () => {
    const raw = await initialised();
    const answers = (type: string) => raw.messages.filter((message) => message['type'] === type).length;
    for (let n = 0; n < 60; n++)
      raw.send(subscribe('subscription ($x: Int!) { anyNote(times: $x) }', `x${n}`));
    await until('all are answered', () => answers('complete') + answers('error') === 60);
    for (let n = 0; n < 200; n++) raw.send(subscribe('subscription { anyNote }', `y${n}`));
    const refused = answers('error');
    await until('some are refused', () => answers('error') === refused + 150);
    await until('the others are in force', async () => (await subscriptionsAt(server())) === 50);
  });

  test('has at most 20 connections, others of the tenant as many', async () => {
    const open = await Promise.all(Array.from({ length: 20 }, initialised));
    const refused = await rawSocket(server());
    refused.send(init());
    await closing(refused);
    expect(refused.closed).toEqual({ code: 1013, reason: 'Too many connections.' });

    const { token: other } = await server().as('member', 'acme');
    const neighbour = await rawSocket(server());
    neighbour.send(init(other));
    await answer(neighbour, 'connection_ack');
    open[0]!.socket.close();
    await until('one has gone', async () => (await connectionsAt(server())) === 20);
    await initialised().then(({ socket }) => socket.close());
  });

  test('that does not read is let go when ten thousand changes wait, and told why', async () => {
    await write(Prisma.sql`INSERT INTO notes (text) SELECT repeat('x', 1000) FROM generate_series(1, 1100)`);
    const raw = await initialised();
    raw.send(subscribe('subscription { anyNote(times: 2000) }'));
    await until('it is in force', async () => (await subscriptionsAt(server())) === 1);
    raw.socket.pause();
    for (let n = 0; n < 11; n++) {
      await write(Prisma.sql`UPDATE notes SET text = repeat(${String(n % 10)}, 1000)`);
    }
    await until('the server has let it go', async () => (await connectionsAt(server())) === 0);
    raw.socket.resume();
    await closing(raw);
    expect([1013, 1006]).toContain(raw.closed?.code);
    expect(raw.messages.length).toBeLessThan(500);
  });

  test('may not keep more than 256 KiB of subscriptions at the server', async () => {
    const raw = await initialised();
    const filler = { extensions: { filler: 'x'.repeat(90 * 1024) } };
    for (const id of ['a', 'b', 'c']) raw.send(subscribe('subscription { anyNote }', id, filler));
    await answer(raw, 'error');
    expect(raw.messages.at(-1)).toMatchObject({
      id: 'c',
      payload: [
        { extensions: { code: 'BAD_REQUEST' }, message: expect.stringContaining('256 KiB') as string },
      ],
    });
    raw.send({ type: 'complete', id: 'a' });
    await until('one is over', async () => (await subscriptionsAt(server())) === 1);
    raw.send(subscribe('subscription { anyNote }', 'd', filler));
    await until('there is room again', async () => (await subscriptionsAt(server())) === 2);
  });

  test('that sends much at once keeps nobody else waiting until all of it is handled', async () => {
    const [hostile, other] = [await initialised(), await initialised()];
    // The server refuses these after validation.
    const fields = Array.from({ length: 40 }, (_, n) => `a${String(n)}: nothing`).join(' ');
    const order: string[] = [];
    hostile.socket.on('message', () => order.push('hostile'));
    other.socket.on('message', () => order.push('other'));
    for (let n = 0; n < 30; n++)
      hostile.send(subscribe(`subscription S${String(n)} { ${fields} }`, String(n)));
    other.send({ type: 'ping' });
    await until('all are answered', () => order.length === 31);
    expect(order.indexOf('other')).toBeLessThan(30);
  });

  test('that asks without reading the answers is let go before they fill the memory', async () => {
    const raw = await initialised();
    raw.socket.pause();
    const ping = JSON.stringify({ type: 'ping', payload: { x: 'x'.repeat(100_000) } });
    for (let sent = 0; sent < 400; sent++) raw.send(ping);
    await until('the server has let it go', async () => (await connectionsAt(server())) === 0);
    raw.socket.resume();
    await closing(raw);
    expect([1013, 1006]).toContain(raw.closed?.code);
    expect(raw.messages.length).toBeLessThan(400);
  });
});

describe('a browser', () => {
  const from = (origin: string, headers: Record<string, string> = {}) =>
    rawSocket(server(), { headers: { origin, ...headers } }).then(
      ({ socket }) => {
        socket.close();
        return 'open';
      },
      (error: unknown) => String(error),
    );

  test.each<[string, string, Record<string, string>?]>([
    ['a listed origin', 'https://app.example.com'],
    ['the own origin', 'http://acme.localhost:4000', { host: 'acme.localhost:4000' }],
    ['the own origin behind TLS', 'https://acme.example.org', { host: 'acme.example.org' }],
    ['the own origin, port and all', 'https://acme.example.org', { host: 'acme.example.org:443' }],
  ])('may come from %s', async (_name, origin, headers) => {
    expect(await from(origin, headers)).toBe('open');
  });

  test.each<[string, string, Record<string, string>?]>([
    ['another origin', 'https://evil.example.com'],
    ['a listed one with another port', 'https://app.example.com:8443'],
    ['a subdomain of a listed one', 'https://x.app.example.com'],
    ['another tenant’s host', 'http://globex.localhost', { host: 'acme.localhost' }],
    ['nowhere', 'null'],
    ['what is no origin', '://'],
  ])('may not come from %s', async (_name, origin, headers) => {
    expect(await from(origin, headers)).toContain('403');
  });
});

test('there is a WebSocket at /graphql and nowhere else, and the refusal is an answer as any other', async () => {
  const { hostname, port } = new URL(server().url);
  const ask = async (path: string): Promise<string> => {
    const socket = connect(Number(port), hostname);
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
        'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    let text = '';
    socket.on('data', (data: Buffer) => {
      text += data.toString();
      if (text.startsWith('HTTP/1.1 101')) socket.destroy();
    });
    await once(socket, 'close');
    return text;
  };
  expect(await ask('/graphql')).toMatch(/^HTTP\/1\.1 101 /);
  expect(await ask('/graphql?x=1')).toMatch(/^HTTP\/1\.1 101 /);
  expect(await ask('/graphql/')).toMatch(/^HTTP\/1\.1 101 /);
  for (const path of ['/', '/graphiql', '/metrics', '/graphql//', '/%67raphql']) {
    const text = await ask(path);
    expect(text).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
    expect(text).toContain('"code":"NOT_FOUND"');
  }
});

test('a server that stops says so to its clients, and waits for none that does not answer', async () => {
  const stopping = await startTestServer({ database: server().database, modules });
  const { token: own } = await stopping.as('owner', 'acme');
  const client = subscriberOf(stopping, { token: own });
  await inForce(stopping, () => client.subscribe('subscription { anyNote }'));
  const stranger = await rawSocket(stopping);
  const deaf = await rawSocket(stopping);
  deaf.socket.pause();
  const since = performance.now();
  await stopping.close();
  expect(performance.now() - since).toBeLessThan(20_000);
  await until('the clients are told', () => client.closed !== undefined && stranger.closed !== undefined);
  expect(client.closed).toEqual({ code: 1001, reason: 'The server is stopping.' });
  expect(stranger.closed?.code).toBe(1001);
  deaf.socket.terminate();
});

/**
 * Queries and mutations over the WebSocket of subscriptions: the same answers, limits, keys and log as over HTTP, and
 * the caller's access of the moment.
 */
import { createHash, randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { UNREAD_LIMITS } from '../../src/http/unread-answers.js';
import type { TenantClient } from '../../src/kernel/tenancy/tenant-client.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { untilHearing } from '../support/hearing.js';
import { createNotes, notesModule } from '../support/notes.js';
import { addOf, keyed, unique } from '../support/idempotency.js';
import { rawPost } from '../support/raw-request.js';
import { startTestServer, useServer } from '../support/server.js';
import { errorsOf, nextOf, socketClient, type SocketPayload } from '../support/socket-requests.js';
import { connectionsAt, endSubscribersAfterEach } from '../support/subscriber.js';
import { addMember } from '../support/tenant-fixtures.js';
import { until } from '../support/until.js';
import { tokenOf } from '../support/note-events.js';

const modules = [tenantModule, membershipModule, notesModule, keyed.module];
const server = useServer({ modules, env: { MAX_ANSWER_BYTES: '200000' } });
endSubscribersAfterEach(() => [server()]);
afterEach(() => {
  keyed.before = async () => undefined;
});

let token: string;
beforeAll(async () => {
  await createNotes(server().database);
  await untilHearing(server());
  ({ token } = await server().as('owner', 'acme'));
});

const connected = (as = token, at = server()) => socketClient(at, as);

const overHttp = async (body: object, as = token): Promise<unknown> => {
  const answer = await rawPost(`${server().url}/graphql`, {
    authorization: `Bearer ${as}`,
    body: JSON.stringify(body),
  });
  return JSON.parse(answer.text);
};

describe('an operation', () => {
  test.each<[string, SocketPayload]>([
    ['that reads', { query: '{ me { userId role tenant { slug } } }' }],
    [
      'with variables',
      { query: 'query ($n: Int!) { members(first: $n) { nodes { email } } }', variables: { n: 1 } },
    ],
    [
      'chosen by its name',
      { query: 'query A { me { role } } query B { tenant { slug } }', operationName: 'B' },
    ],
    ['with an empty name', { query: '{ me { role } }', operationName: '' }],
    ['that lists the schema', { query: '{ __schema { queryType { fields { name } } } }' }],
    ['of which a part fails', { query: 'mutation { a: addAndFail(name: "x") { id } }' }],
  ])('%s is answered as over HTTP, with its cost, and then complete', async (_name, payload) => {
    const raw = await connected();
    const messages = await raw.ask(payload);
    expect(messages.map(({ type }) => type)).toEqual(['next', 'complete']);
    expect(nextOf(messages)).toEqual(await overHttp(payload));
  });

  test.each<[string, SocketPayload, string]>([
    ['that does not fit the schema', { query: '{ nothing }' }, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'whose variables do not fit',
      { query: 'query ($n: Int!) { members(first: $n) { nodes { id } } }' },
      'BAD_USER_INPUT',
    ],
    ['of too many aliases', { query: `{ ${'a: __typename '.repeat(200)} }` }, 'GRAPHQL_VALIDATION_FAILED'],
    ['whose key is no text', { query: addOf('x'), extensions: { idempotencyKey: 7 } }, 'BAD_REQUEST'],
    ['whose key is empty', { query: addOf('x'), extensions: { idempotencyKey: '' } }, 'BAD_REQUEST'],
    [
      'by an unknown hash',
      { query: '', extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } } },
      'PERSISTED_QUERY_NOT_FOUND',
    ],
  ])('%s is refused with the same code, and the connection stays', async (_name, payload, code) => {
    const raw = await connected();
    const errors = errorsOf(await raw.ask(payload));
    expect(errors.map(({ extensions }) => extensions['code'])).toEqual([code]);
    expect(nextOf(await raw.ask({ query: '{ me { role } }' }))).toMatchObject({
      data: { me: { role: 'OWNER' } },
    });
  });

  test('gets what the role of its sender may see', async () => {
    const { token: viewer } = await server().as('viewer', 'acme');
    const raw = await connected(viewer);
    const query = '{ tenant { slug plan } }';
    expect(nextOf(await raw.ask({ query }))).toEqual(await overHttp({ query }, viewer));
    expect(nextOf(await raw.ask({ query }))).toMatchObject({
      errors: [{ extensions: { code: 'FORBIDDEN' } }],
    });
  });

  test('whose resolver has a defect is told nothing but the id of its own line in the log', async () => {
    const raw = await connected();
    const answer = nextOf(await raw.ask({ query: addOf(unique(), 'id throws') }));
    expect(answer).toMatchObject({
      errors: [
        { message: 'Something went wrong on our side.', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
      ],
    });
    expect(JSON.stringify(answer)).toMatch(/"requestId":"[^"]+\.1"/);
  });

  test('is registered by its hash once, for both ways', async () => {
    const query = `query Named${randomUUID().replaceAll('-', '')} { me { role } }`;
    const persistedQuery = { version: 1, sha256Hash: createHash('sha256').update(query).digest('hex') };
    const raw = await connected();
    const expected = { data: { me: { role: 'OWNER' } } };
    expect(nextOf(await raw.ask({ query, extensions: { persistedQuery } }))).toMatchObject(expected);
    expect(await overHttp({ extensions: { persistedQuery } })).toMatchObject(expected);
  });
});

describe('a limit', () => {
  test('of bytes refuses an answer that is too large, and the connection stays', async () => {
    const raw = await connected();
    const errors = errorsOf(await raw.ask({ query: addOf(unique(), 'text(bytes: 300000)') }));
    expect(errors[0]?.extensions).toEqual({ code: 'ANSWER_TOO_LARGE', limit: 200_000 });
    const large = nextOf(await raw.ask({ query: addOf(unique(), 'text(bytes: 150000)') }));
    expect(JSON.stringify(large)).toContain('x'.repeat(150_000));
  });

  const sleep = (_name: string, db: TenantClient) =>
    db.transaction(async (tx) => {
      await tx.$executeRaw(Prisma.sql`SELECT pg_sleep(60)`);
    });

  test('of time ends what takes too long', async () => {
    const env = { REQUEST_TIMEOUT_MS: '2000' };
    const impatient = await startTestServer({ database: server().database, modules, env });
    try {
      const raw = await connected(token, impatient);
      keyed.before = sleep;
      const errors = errorsOf(await raw.ask({ query: addOf(unique(), 'id', 'addAfter') }));
      expect(errors[0]?.extensions['code']).toBe('DEADLINE_EXCEEDED');
    } finally {
      await impatient.close();
    }
  });

  test('is not waited for when the client completes the operation, which is cancelled at once', async () => {
    const raw = await connected();
    keyed.before = sleep;
    const isSleeping = async () =>
      (
        await server().database.asSuperuser(
          `SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active'
             AND pid <> pg_backend_pid() AND datname = current_database()`,
        )
      ).length > 0;
    raw.send({ type: 'subscribe', id: 'a', payload: { query: addOf(unique(), 'id', 'addAfter') } });
    await until('it sleeps', isSleeping);
    raw.send({ type: 'complete', id: 'a' });
    await until('it was cancelled', async () => !(await isSleeping()));
    expect(nextOf(await raw.ask({ query: '{ me { role } }' }))).toMatchObject({
      data: { me: { role: 'OWNER' } },
    });
    expect(raw.messages.filter(({ id }) => id === 'a')).toEqual([]);
  });

  test('of unread bytes cuts off a client that does not read its answers', async () => {
    const { stalledMs } = UNREAD_LIMITS;
    const generous = await startTestServer({ database: server().database, modules });
    try {
      UNREAD_LIMITS.stalledMs = 300;
      const raw = await connected(token, generous);
      raw.socket.pause();
      for (let n = 0; n < 16; n++) {
        const payload = { query: addOf(unique(), 'text(bytes: 4000000)') };
        raw.send({ type: 'subscribe', id: `n${String(n)}`, payload });
      }
      await until('it is cut off', async () => (await connectionsAt(generous)) === 0);
    } finally {
      UNREAD_LIMITS.stalledMs = stalledMs;
      await generous.close();
    }
  });

  test('of eight at a time makes others wait, and of fifty refuses them', async () => {
    const raw = await connected();
    let [running, most] = [0, 0];
    let proceed: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (proceed = resolve));
    keyed.before = async () => {
      most = Math.max(most, ++running);
      await held;
      running--;
    };
    for (let n = 0; n < 52; n++) {
      raw.send({
        type: 'subscribe',
        id: `n${String(n)}`,
        payload: { query: addOf(unique(), 'id', 'addAfter') },
      });
    }
    const about = (type: string) => raw.messages.filter((message) => message['type'] === type);
    await until('two are refused, and eight run', () => about('error').length === 2 && running === 8);
    expect(about('error')[0]?.['payload']).toMatchObject([{ extensions: { code: 'BAD_REQUEST' } }]);
    proceed();
    await until('the others are answered', () => about('next').length === 50);
    expect(most).toBe(8);
  });
});

describe('an idempotency key', () => {
  test('makes a mutation take effect once, over WebSocket and HTTP together', async () => {
    const [name, key] = [unique(), randomUUID()];
    const query = addOf(name);
    const raw = await connected();
    const first = nextOf(await raw.ask({ query, extensions: { idempotencyKey: key } })) as { data: unknown };
    expect(first).not.toMatchObject({ extensions: { idempotencyReplayed: true } });
    const again = nextOf(await raw.ask({ query, extensions: { idempotencyKey: key } }));
    expect(again).toMatchObject({ data: first.data, extensions: { idempotencyReplayed: true } });
    const response = await fetch(`${server().url}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify({ query }),
    });
    expect(response.headers.get('idempotency-replayed')).toBe('true');
    expect(await response.json()).toMatchObject({ data: first.data });
    expect(keyed.runs.get(name)).toBe(1);
    const other = errorsOf(await raw.ask({ query: addOf(unique()), extensions: { idempotencyKey: key } }));
    expect(other[0]?.extensions['code']).toBe('CONFLICT');
  });

  test('is another actor’s own', async () => {
    const key = randomUUID();
    const { token: member } = await server().as('admin', 'acme');
    const { token: elsewhere } = await server().as('owner', 'globex');
    const name = unique();
    for (const as of [token, member, elsewhere]) {
      const raw = await connected(as);
      const answer = nextOf(await raw.ask({ query: addOf(name), extensions: { idempotencyKey: key } }));
      expect(answer).not.toMatchObject({ extensions: { idempotencyReplayed: true } });
    }
    expect(keyed.runs.get(name)).toBe(3);
  });
});

describe('the access of the moment decides', () => {
  const sql = (statement: string, ...values: readonly unknown[]) =>
    server().database.asSuperuser(statement, values);

  async function member(slug: string) {
    const userId = `test|${randomUUID()}`;
    await addMember(server().database, {
      slug,
      userId,
      email: `${randomUUID()}@example.test`,
      role: 'owner',
    });
    return { userId, raw: await connected(tokenOf({ slug, userId }, 600)) };
  }

  test('a role that was taken away refuses the next message', async () => {
    const { userId, raw } = await member('acme');
    const query = '{ tenant { plan } }';
    expect(nextOf(await raw.ask({ query }))).not.toHaveProperty('errors');
    await sql("UPDATE memberships SET role = 'viewer' WHERE user_id = $1", userId);
    await until('it is refused', async () => JSON.stringify(await raw.ask({ query })).includes('FORBIDDEN'));
  });

  test('a removed member’s next message is refused, though the connection was not told to end', async () => {
    const { userId, raw } = await member('globex');
    const { access } = server().services.authentication;
    const resolve = access.resolve.bind(access);
    // The news of the removal is not heard; the next look-up finds it.
    Object.assign(access, {
      resolve: async (ref: string, user: string) =>
        user === userId ? { ...(await resolve(ref, user))!, role: undefined } : resolve(ref, user),
    });
    raw.send({ type: 'subscribe', id: 'a', payload: { query: '{ me { role } }' } });
    await until('the connection is closed', () => raw.closed !== undefined);
    Object.assign(access, { resolve });
    expect(raw.closed).toMatchObject({ code: 4403, reason: expect.stringMatching(/^FORBIDDEN: /) as string });
    expect(raw.messages).toHaveLength(1);
  });

  test('another tenant’s data is out of reach, whatever the message says', async () => {
    const { raw } = await member('globex');
    const query = '{ tenant { slug } me { tenant { slug } } }';
    const answer = nextOf(
      await raw.ask({ query, extensions: { tenant_id: 'acme', authorization: `Bearer ${token}` } }),
    );
    expect(answer).toMatchObject({
      data: { tenant: { slug: 'globex' }, me: { tenant: { slug: 'globex' } } },
    });
  });
});

test('a query begins when the subscriptions that were sent before it are in force', async () => {
  const raw = await connected();
  const { changes } = server().services;
  const forTenant = changes.forTenant.bind(changes);
  let proceed: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (proceed = resolve));
  Object.assign(changes, {
    forTenant: (tenantId: string) => {
      const own = forTenant(tenantId);
      const watch: typeof own.watch = async (entity, listener) => {
        await held;
        return own.watch(entity, listener);
      };
      return { watch };
    },
  });
  raw.send({ type: 'subscribe', id: 's', payload: { query: 'subscription { anyNote }' } });
  raw.send({ type: 'subscribe', id: 'q', payload: { query: '{ me { role } }' } });
  // The answer to a later message shows that both were handled.
  raw.send({ type: 'ping' });
  await until('the ping is answered', () => raw.messages.some(({ type }) => type === 'pong'));
  expect(raw.messages.map(({ type }) => type)).not.toContain('next');
  Object.assign(changes, { forTenant });
  proceed();
  await until('the query is answered', () => raw.messages.some(({ id }) => id === 'q'));
});

test('each is a line of the log, with tenant, actor and an id of its own', async () => {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const child = server().app.log.child.bind(server().app.log);
  Object.assign(server().app.log, {
    child: (bindings: object) => pino({ level: 'info' }, sink).child(bindings),
  });
  try {
    const raw = await connected();
    await raw.ask({ query: '{ me { role } }' });
    await raw.ask({ query: '{ nothing }' });
    await raw.ask({ query: 'query ($n: Int!) { members(first: $n) { nodes { id } } }' });
    await until('the lines are written', () => lines.join('').split('"answered"').length > 3);
    const answered = lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'answered');
    expect(answered).toMatchObject([
      { method: 'WEBSOCKET', path: '/graphql', status: 200, tenant: 'acme', actor: 'demo|acme|owner' },
      { method: 'WEBSOCKET', path: '/graphql', status: 400, tenant: 'acme' },
      { method: 'WEBSOCKET', path: '/graphql', status: 400, tenant: 'acme' },
    ]);
    const webSocket = answered[0]?.['webSocket'];
    expect([answered[0], answered[2]].map((line) => line?.['requestId'])).toEqual([
      `${String(webSocket)}.1`,
      `${String(webSocket)}.2`,
    ]);
  } finally {
    Object.assign(server().app.log, { child });
  }
});

test('a server that closes answers what runs, refuses what comes, and then says goodbye', async () => {
  const stopping = await startTestServer({ database: server().database, modules });
  const raw = await connected(token, stopping);
  let proceed: (() => void) | undefined;
  keyed.before = () => new Promise<void>((resolve) => (proceed = resolve));
  raw.send({ type: 'subscribe', id: 'a', payload: { query: addOf(unique(), 'id', 'addAfter') } });
  await until('it runs', () => proceed !== undefined);
  const closed = stopping.close();
  await until('the server closes', () => stopping.drain.isClosing);
  raw.send({ type: 'subscribe', id: 'b', payload: { query: '{ me { role } }' } });
  await until('the second is refused', () => raw.messages.some(({ id }) => id === 'b'));
  proceed?.();
  await closed;
  await until('the client is told', () => raw.closed !== undefined);
  expect(raw.messages.filter(({ id }) => id !== undefined)).toMatchObject([
    { id: 'b', type: 'error', payload: [{ extensions: { code: 'UNAVAILABLE' } }] },
    { id: 'a', type: 'next' },
    { id: 'a', type: 'complete' },
  ]);
  expect(raw.closed?.code).toBe(1001);
  expect(await connectionsAt(server())).toBe(0);
});

/**
 * Subscriptions as server-sent events, with the client of the package graphql-sse: the events, access and limits of
 * WebSockets. Proves that no stream tells anything of another tenant, and that none outlasts its access.
 */
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { STREAMS_PER_VIEWER } from '../../src/services/subscriptions/connections.js';
import { startTestServer } from '../support/server.js';
import {
  arrived,
  CHANGED,
  modules,
  noteChanged,
  OWNER,
  tokenOf,
  useNoteEvents,
} from '../support/note-events.js';
import { bareStream, endStreamsAfterEach, streamed, streamsAt, streamUrl } from '../support/stream-client.js';
import { subscriptionsAt, type Watched } from '../support/subscriber.js';
import { until } from '../support/until.js';

const { database, server, replica, memberOf, sql, write, addNote } = useNoteEvents();
endStreamsAfterEach(() => [server(), replica()]);

const ADDED = 'subscription ($folder: ID!) { noteAdded(folderId: $folder) { id text } }';
const ended = (watched: Watched) => until('the stream ends', () => watched.end !== undefined);
const json = (token: string) => ({
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
  accept: 'text/event-stream',
});
const post = (token: string, payload: object, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { ...json(token), ...headers },
  body: JSON.stringify(payload),
});

describe('an event', () => {
  test('reaches the subscribers on every server, in the order of the changes', async () => {
    const who = await memberOf('streaming');
    const watched = [
      await streamed(server(), tokenOf(who), CHANGED),
      await streamed(replica(), tokenOf(who), CHANGED),
    ];
    const id = await addNote(who.slug, 'first');
    for (const each of watched) await arrived(each, 1);
    await write(who.slug, Prisma.sql`DELETE FROM notes WHERE id = ${id}::uuid`);
    for (const each of watched) {
      await arrived(each, 2);
      expect(each.messages).toEqual([noteChanged('CREATED', id, 'first'), noteChanged('DELETED', id, null)]);
    }
    watched[0]!.stop();
    await until('nothing is kept', async () => (await subscriptionsAt(server())) === 0);
  });

  test('is told with the permissions of the moment', async () => {
    const who = await memberOf('streaming-roles');
    const watched = await streamed(
      server(),
      tokenOf(who),
      'subscription { noteChanged { note { secret role } } }',
    );
    await addNote(who.slug, 'one');
    await arrived(watched, 1);
    expect(watched.messages[0]).toMatchObject({
      data: { noteChanged: { note: { secret: null, role: 'member' } } },
      errors: [{ extensions: { code: 'FORBIDDEN' } }],
    });
    await sql("UPDATE memberships SET role = 'admin' WHERE user_id = $1", who.userId);
    await until('the new role is seen', async () => {
      await addNote(who.slug, 'two');
      return watched.messages.some((message) => JSON.stringify(message).includes('the secret of two'));
    });
  });

  test('comes in the form of the protocol, over POST and GET', async () => {
    const token = tokenOf(OWNER);
    const variables = JSON.stringify({ folder: randomUUID() });
    const parameters = new URLSearchParams({ query: ADDED, variables, operationName: '' });
    const streams = [
      await bareStream(server(), post(token, { query: CHANGED })),
      await bareStream(server(), { headers: json(token) }, `?${parameters.toString()}`),
    ];
    for (const { response } of streams) {
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
      expect(response.headers.get('cache-control')).toBe('private, no-store');
      expect(response.headers.get('x-request-id')).toBeTruthy();
    }
    const id = await addNote('acme', 'two\nlines');
    await until('it arrives', () => streams[0]!.text.endsWith('\n\n') && streams[0]!.text.includes(id));
    const [comment, frame] = streams[0]!.text.split('\n\n');
    expect(comment).toBe(':');
    expect(frame).toBe(`event: next\ndata: ${JSON.stringify(noteChanged('CREATED', id, 'two\nlines'))}`);
    expect(streams[1]!.text).toBe(':\n\n');
  });
});

describe('another tenant', () => {
  test('is told of nothing, whatever id it names', async () => {
    const [victim, attacker] = [await memberOf('stream-victim'), await memberOf('stream-attacker', 'admin')];
    const folder = randomUUID();
    const own = await streamed(server(), tokenOf(victim), ADDED, { folder });
    const watched = [
      await streamed(server(), tokenOf(attacker), ADDED, { folder }),
      await streamed(server(), tokenOf(attacker), CHANGED),
      await streamed(server(), tokenOf(attacker), 'subscription { anyNote }'),
    ];
    await addNote(victim.slug, 'of the victim', folder);
    await arrived(own, 1);
    const last = `last ${randomUUID()}`;
    await addNote(attacker.slug, last, folder);
    for (const each of watched) {
      await arrived(each, 1);
      expect(JSON.stringify(each.messages)).toContain(last);
      expect(JSON.stringify(each.messages)).not.toContain('of the victim');
    }
  });

  test('is not reached by the host, by parameters or by a token of one’s own', async () => {
    const attacker = await memberOf('stream-elsewhere', 'admin');
    const token = tokenOf(attacker);
    const ask = async (init: RequestInit, query?: string) => {
      const { response } = await bareStream(server(), init, query);
      return response.status;
    };
    const payload = { query: CHANGED, extensions: { tenant_id: 'acme' }, tenant_id: 'acme' };
    expect(await ask(post(tokenOf({ ...attacker, slug: 'acme' }), payload))).toBe(403);
    const watched = await bareStream(server(), post(token, payload), '?tenant_id=acme');
    await addNote('acme', 'of acme');
    await addNote(attacker.slug, 'of the attacker');
    await until('the own note arrives', () => watched.text.includes('of the attacker'));
    expect(watched.text).not.toContain('of acme');
  });
});

describe('a stream ends with its access:', () => {
  test.each([
    ['a removed membership', 'DELETE FROM memberships WHERE user_id = $1'],
    [
      'a suspended tenant',
      "UPDATE tenants SET status = 'suspended' FROM memberships AS own WHERE tenants.id = own.tenant_id AND user_id = $1",
    ],
  ])('%s cuts it off, and refuses the next one', async (what, statement) => {
    const who = await memberOf(`stream-${what.replaceAll(' ', '-')}`);
    const [one, two] = [
      await streamed(server(), tokenOf(who), CHANGED),
      await streamed(replica(), tokenOf(who), CHANGED),
    ];
    const bare = await bareStream(server(), post(tokenOf(who), { query: CHANGED }));
    await sql(statement, who.userId);
    await Promise.all([ended(one), ended(two)]);
    // Not `null`: a stream that is cut off is not complete, so that the client comes again and is told why.
    for (const { end } of [one, two]) expect(end).toBeInstanceOf(Error);
    await until('it is cut off', () => bare.hasEnded);
    expect(bare.text).not.toContain('complete');
    const { response } = await bareStream(server(), post(tokenOf(who), { query: CHANGED }));
    expect(response.status).toBe(403);
    await addNote(who.slug, 'too late');
    expect([one, two].flatMap(({ messages }) => messages)).toEqual([]);
  });

  test('an expired token', async () => {
    const who = await memberOf('stream-expiring');
    const watched = await streamed(server(), tokenOf(who, 1), CHANGED);
    await ended(watched);
    expect(watched.end).toBeInstanceOf(Error);
  });

  test('a role without the permission ends the subscription with FORBIDDEN, and completes it', async () => {
    const who = await memberOf('stream-demoted');
    const watched = await streamed(server(), tokenOf(who), CHANGED);
    await sql("UPDATE memberships SET role = 'viewer' WHERE user_id = $1", who.userId);
    await ended(watched);
    expect(watched.end).toBeNull();
    expect(watched.messages).toEqual([
      { errors: [expect.objectContaining({ extensions: { code: 'FORBIDDEN', requires: 'notes:read' } })] },
    ]);
  });
});

describe('a request is refused', () => {
  const refusal = async (init: RequestInit, query?: string) => {
    const { status, headers } = (await bareStream(server(), init, query)).response;
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    return status;
  };

  test('without a token, without a membership, from another origin, for another kind of answer', async () => {
    const token = tokenOf(OWNER);
    const payload = { query: CHANGED };
    expect(await refusal(post('no token', payload))).toBe(401);
    expect(await refusal(post(tokenOf({ slug: 'acme', userId: 'nobody' }), payload))).toBe(403);
    expect(await refusal(post(token, payload, { origin: 'https://evil.example.com' }))).toBe(403);
    expect(await refusal(post(token, payload, { accept: 'application/json' }))).toBe(406);
    expect(await refusal(post(token, payload, { 'content-type': 'text/plain' }))).toBe(415);
    expect(await refusal({ method: 'DELETE', headers: { authorization: `Bearer ${token}` } })).toBe(405);
  });

  test('a listed origin is let in, and its preflight answered', async () => {
    const origin = 'https://app.example.com';
    const { response } = await bareStream(replica(), post(tokenOf(OWNER), { query: CHANGED }, { origin }));
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
    const preflight = await fetch(streamUrl(replica()), {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization');
  });

  test.each<[string, string, string, Record<string, unknown>?]>([
    ['that is a query', '{ me { role } }', 'BAD_REQUEST'],
    [
      'that is a mutation',
      'mutation { updateTenant(input: { name: "Hacked" }) { tenant { id } } }',
      'BAD_REQUEST',
    ],
    ['that does not fit the schema', 'subscription { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['of two fields', 'subscription { anyNote brokenNote }', 'GRAPHQL_VALIDATION_FAILED'],
    ['that is none', 'subscription {', 'GRAPHQL_PARSE_FAILED'],
    [
      'whose variables do not fit',
      'subscription ($n: Int!) { anyNote(times: $n) }',
      'BAD_USER_INPUT',
      { n: 'many' },
    ],
  ])('in its stream, by an operation %s', async (_name, query, code, variables) => {
    const watched = await streamed(server(), tokenOf(OWNER), query, variables);
    await ended(watched);
    expect(watched.end).toBeNull();
    expect(watched.messages).toMatchObject([{ errors: [{ extensions: { code } }] }]);
  });

  test.each<[string, object | undefined]>([
    ['a query that is no text', { query: 7 }],
    ['variables that are no object', { query: CHANGED, variables: [] }],
    ['the name of an operation that is no text', { query: CHANGED, operationName: 7 }],
    ['no query', undefined],
  ])('in its stream, for %s', async (_name, payload) => {
    const init = payload ? post(tokenOf(OWNER), payload) : { headers: json(tokenOf(OWNER)) };
    const bare = await bareStream(server(), init);
    await until('it is complete', () => bare.hasEnded);
    expect(bare.text).toMatch(/^:\n\nevent: next\ndata: .*"BAD_REQUEST".*\n\nevent: complete\ndata: \n\n$/);
  });

  test('in its stream, by a role without the permission', async () => {
    const who = await memberOf('stream-viewer', 'viewer');
    const watched = await streamed(server(), tokenOf(who), CHANGED);
    await ended(watched);
    expect(watched.messages).toMatchObject([
      { errors: [{ extensions: { code: 'FORBIDDEN', requires: 'notes:read' } }] },
    ]);
  });
});

describe('a limit', () => {
  test('of streams per user refuses more of them, and not those of others', async () => {
    const who = await memberOf('stream-many');
    const open = () => bareStream(server(), post(tokenOf(who), { query: CHANGED }));
    const streams = await Promise.all(Array.from({ length: STREAMS_PER_VIEWER }, open));
    expect(new Set(streams.map(({ response }) => response.status))).toEqual(new Set([200]));
    const { response } = await open();
    expect(response.status).toBe(503);
    expect((await streamed(server(), tokenOf(OWNER), CHANGED)).end).toBeUndefined();
  });

  test('of changes that wait lets a client go that does not read', async () => {
    const who = await memberOf('stream-deaf');
    await write(
      who.slug,
      Prisma.sql`INSERT INTO notes (text) SELECT repeat('x', 1000) FROM generate_series(1, 1100)`,
    );
    const { hostname, port } = new URL(server().url);
    const body = JSON.stringify({ query: 'subscription { anyNote(times: 2000) }' });
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST /graphql/stream HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${tokenOf(who)}\r\n` +
        `content-type: application/json\r\ncontent-length: ${String(body.length)}\r\n\r\n${body}`,
    );
    await until('it is in force', async () => (await subscriptionsAt(server())) === 1);
    socket.pause();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 11; n++) {
      await write(who.slug, Prisma.sql`UPDATE notes SET text = repeat(${String(n % 10)}, 1000)`);
    }
    await until('the server has let it go', async () => (await streamsAt(server())) === 0);
    // Its events have 2 MB each.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200_000_000);
    socket.destroy();
  });
});

test('a server that drains takes no new streams, and one that closes ends those it has', async () => {
  const stopping = await startTestServer({ database: database(), modules });
  const token = tokenOf(OWNER);
  const bare = await bareStream(stopping, post(token, { query: CHANGED }));
  stopping.drain.begin();
  const { response } = await bareStream(stopping, post(token, { query: CHANGED }));
  expect(response.status).toBe(503);
  expect(bare.hasEnded).toBe(false);
  await stopping.close();
  await until('it has ended', () => bare.hasEnded);
  expect(bare.text).not.toContain('complete');
});

/**
 * Subscriptions as clients see them: a real client over WebSocket, two servers on one database. Proves that an event
 * reaches whoever may see it on every server, and nobody else; that what a client loses, it loses within a second; that
 * neither a forged announcement nor an other tenant's id brings anything to light; and that an event which cannot be told
 * ends the connection rather than being left out.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { CHANGES_CHANNEL } from '../../src/kernel/notifications/change-events.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createNotes, notesModule } from '../support/notes.js';
import { startPgBouncer, withoutPgBouncer, type PgBouncer } from '../support/pgbouncer.js';
import { startTestServer, TEST_SECRET, type TestServer } from '../support/server.js';
import {
  connectionsAt,
  endSubscribersAfterEach,
  inForce,
  subscriberOf,
  subscriptionsAt,
  type Message,
  type Watched,
} from '../support/subscriber.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { addMember, createTestTenant } from '../support/tenant-fixtures.js';
import { until } from '../support/until.js';

const modules = [tenantModule, membershipModule, notesModule];
let database: TestDatabase;
let server: TestServer;
let replica: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  await createNotes(database);
  server = await startTestServer({ database, modules });
  replica = await startTestServer({ database, modules, env: { CORS_ORIGINS: 'https://app.example.com' } });
});
afterAll(async () => {
  await server.close();
  await replica.close();
  await database.drop();
});
endSubscribersAfterEach(() => [server, replica]);

const CHANGED = 'subscription { noteChanged { kind id note { text } } }';
const ADDED = 'subscription ($folder: ID!) { noteAdded(folderId: $folder) { id text } }';
/** Less than the 30 seconds after which a change of access is found out without being heard of. */
const SOON = 10_000;

interface Who {
  readonly slug: string;
  readonly userId: string;
}

const tokenOf = ({ slug, userId }: Who, seconds = 60): string =>
  issueToken(
    { userId, email: 'somebody@example.test', tenantId: slug },
    { secret: TEST_SECRET, issuer: 'tenantry', audience: 'tenantry' },
    seconds,
  );

const OWNER: Who = { slug: 'acme', userId: 'demo|acme|owner' };

const clientOf = (who: Who, at = server) => subscriberOf(at, { token: tokenOf(who) });

/** A tenant of the test's own with one more member. */
async function memberOf(slug: string, role = 'member'): Promise<Who> {
  await createTestTenant(database, slug);
  const who = { slug, userId: `member|${slug}` };
  await addMember(database, { ...who, email: `member@${slug}.test`, role });
  return who;
}

const sql = (statement: string, ...values: readonly unknown[]) => database.asSuperuser(statement, values);

/** Writes as the server does. */
async function write(slug: string, statement: Prisma.Sql): Promise<void> {
  const tenantId = await database.tenantId(slug);
  const db = server.services.database.forTenant({
    tenantId,
    actor: { type: 'user', id: `owner|${slug}` },
    requestId: 'test',
  });
  await db.$executeRaw(statement);
}

async function addNote(
  slug: string,
  text: string,
  folder: string | null = null,
  id = randomUUID(),
): Promise<string> {
  await write(
    slug,
    Prisma.sql`INSERT INTO notes (id, text, folder_id) VALUES (${id}::uuid, ${text}, ${folder}::uuid)`,
  );
  return id;
}

const arrived = (watched: Watched, count: number) =>
  until(`${count} messages arrive`, () => watched.messages.length >= count);

/** Everything that arrived before a note which is added now: events come in order. */
async function before(
  watched: Watched,
  slug: string,
  folder: string | null = null,
): Promise<readonly Message[]> {
  const last = `last ${randomUUID()}`;
  await addNote(slug, last, folder);
  const isLast = (message: Message) => JSON.stringify(message).includes(last);
  await until('the last note arrives', () => watched.messages.some(isLast));
  return watched.messages.filter((message) => !isLast(message));
}

const noteChanged = (kind: string, id: string, text: string | null) => ({
  data: { noteChanged: { kind, id, note: text === null ? null : { text } } },
});

describe('an event', () => {
  let who: Who;
  beforeAll(async () => {
    who = await memberOf('eventful');
  });

  test('reaches the subscribers on every server, in the order of the changes', async () => {
    const watched = [
      await inForce(server, () => clientOf(who).subscribe(CHANGED)),
      await inForce(replica, () => clientOf(who, replica).subscribe(CHANGED)),
    ];
    const id = await addNote(who.slug, 'first');
    await write(who.slug, Prisma.sql`UPDATE notes SET text = 'second' WHERE id = ${id}::uuid`);
    await until('the update arrives', () => watched.every(({ messages }) => messages.length === 2));
    await write(who.slug, Prisma.sql`DELETE FROM notes WHERE id = ${id}::uuid`);
    for (const each of watched) {
      await arrived(each, 3);
      expect(each.messages).toEqual([
        // What the row is when it is read, which may be later than when it changed.
        expect.objectContaining(noteChanged('CREATED', id, expect.any(String) as unknown as string)),
        noteChanged('UPDATED', id, 'second'),
        noteChanged('DELETED', id, null),
      ]);
    }
  });

  test('reaches each subscription of a connection that it concerns, and no other', async () => {
    const client = clientOf(who);
    const [mine, others] = [randomUUID(), randomUUID()];
    const watched = await inForce(server, () => client.subscribe(ADDED, { folder: mine.toUpperCase() }));
    const elsewhere = await inForce(server, () => client.subscribe(ADDED, { folder: others }));
    const id = await addNote(who.slug, 'mine', mine);
    await write(who.slug, Prisma.sql`UPDATE notes SET text = 'changed' WHERE id = ${id}::uuid`);
    await addNote(who.slug, 'in no folder');
    expect(await before(elsewhere, who.slug, others)).toEqual([]);
    expect(await before(watched, who.slug, mine)).toEqual([
      { data: { noteAdded: { id, text: expect.any(String) as string } } },
    ]);
    expect(client.connections).toBe(1);
  });

  test('is told with the permissions of the moment, field by field', async () => {
    const watched = await inForce(server, () =>
      clientOf(who).subscribe('subscription { noteChanged { note { text secret role } } }'),
    );
    await addNote(who.slug, 'one');
    await arrived(watched, 1);
    expect(watched.messages[0]).toEqual({
      data: { noteChanged: { note: { text: 'one', secret: null, role: 'member' } } },
      errors: [
        {
          message: 'This needs the permission notes:write.',
          locations: [expect.any(Object)],
          path: ['noteChanged', 'note', 'secret'],
          extensions: { code: 'FORBIDDEN', requires: 'notes:write' },
        },
      ],
    });
    await sql("UPDATE memberships SET role = 'admin' WHERE user_id = $1", who.userId);
    await addNote(who.slug, 'two');
    await arrived(watched, 2);
    expect(watched.messages[1]).toEqual({
      data: { noteChanged: { note: { text: 'two', secret: 'the secret of two', role: 'admin' } } },
    });
    await sql("UPDATE memberships SET role = 'member' WHERE user_id = $1", who.userId);
  });

  test('ends with the subscription: nothing arrives any more, and nothing is kept', async () => {
    const client = clientOf(who);
    const watched = await inForce(server, () => client.subscribe(CHANGED));
    const other = await inForce(server, () => client.subscribe(CHANGED));
    watched.stop();
    await until('one subscription is over', async () => (await subscriptionsAt(server)) === 1);
    await addNote(who.slug, 'unseen');
    await arrived(other, 1);
    expect(watched.messages).toEqual([]);
    other.stop();
    await until('no subscription is left', async () => (await subscriptionsAt(server)) === 0);
  });

  test('whose resolver fails is told as a defect, under an id and with no word of why', async () => {
    const watched = await inForce(server, () => clientOf(who).subscribe('subscription { brokenNote }'));
    await addNote(who.slug, 'a');
    await addNote(who.slug, 'b');
    await arrived(watched, 2);
    expect(watched.messages[1]).toEqual({
      data: { brokenNote: null },
      errors: [
        {
          message: 'Something went wrong on our side.',
          locations: [expect.any(Object)],
          path: ['brokenNote'],
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: expect.any(String) as string },
        },
      ],
    });
    expect(JSON.stringify(watched.messages)).not.toContain('the secret');
  });
});

describe('another tenant', () => {
  let mine: Who;
  let theirs: Who;
  let myId: string;
  let theirId: string;
  beforeAll(async () => {
    mine = await memberOf('isolated');
    theirs = await memberOf('neighbour');
    myId = await database.tenantId('isolated');
    theirId = await database.tenantId('neighbour');
  });

  test('hears nothing of a change, also when both listen and both have the same ids', async () => {
    const folder = randomUUID();
    const id = randomUUID();
    const all = await inForce(server, () => clientOf(mine).subscribe(CHANGED));
    const added = await inForce(server, () => clientOf(mine).subscribe(ADDED, { folder }));
    const there = await inForce(server, () => clientOf(theirs).subscribe(ADDED, { folder }));
    await addNote('neighbour', 'theirs', folder, id);
    await write('neighbour', Prisma.sql`UPDATE notes SET text = 'still theirs' WHERE id = ${id}::uuid`);
    await arrived(there, 1);
    await addNote('isolated', 'mine', folder, id);
    expect(await before(all, 'isolated')).toEqual([noteChanged('CREATED', id, 'mine')]);
    expect(await before(added, 'isolated', folder)).toEqual([{ data: { noteAdded: { id, text: 'mine' } } }]);
    expect(await before(there, 'neighbour', folder)).toHaveLength(1);
  });

  test('is not brought to light by an announcement that is forged', async () => {
    const folder = randomUUID();
    const theirNote = await addNote('neighbour', 'theirs', folder);
    const goneNote = await addNote('neighbour', 'gone', folder);
    await write('neighbour', Prisma.sql`DELETE FROM notes WHERE id = ${goneNote}::uuid`);
    const myNote = await addNote('isolated', 'in another folder', randomUUID());
    const all = await inForce(server, () => clientOf(mine).subscribe(CHANGED));
    const added = await inForce(server, () => clientOf(mine).subscribe(ADDED, { folder }));
    const keys = { folder_id: folder };
    const forged = (forgery: object) => JSON.stringify({ tenantId: myId, entity: 'Note', keys, ...forgery });
    const payloads = [
      ...['CREATED', 'UPDATED', 'DELETED'].flatMap((kind) =>
        [theirNote, goneNote, randomUUID()].map((id) => forged({ kind, id })),
      ),
      // A row of ours that is still there has not been deleted, and is in another folder.
      forged({ kind: 'DELETED', id: myNote }),
      forged({ kind: 'CREATED', id: 'no-id' }),
      forged({ kind: 'CREATED', id: theirNote, tenantId: theirId }),
      forged({ kind: 'CREATED', id: theirNote, tenantId: [myId, theirId] }),
      forged({ kind: 'CREATED', id: theirNote, keys: null }),
      forged({ kind: 'SEEN', id: theirNote }),
      forged({ kind: 'CREATED', id: theirNote, note: { text: 'put in' } }),
      '',
      '{',
      'null',
      '[]',
    ];
    for (const payload of payloads) await sql('SELECT pg_notify($1, $2)', CHANGES_CHANNEL, payload);
    await sql('SELECT pg_notify($1, $2)', CHANGES_CHANNEL, forged({ kind: 'CREATED', id: myNote }));

    // A change that did not happen tells no more than what may be read anyhow.
    const told = await before(all, 'isolated');
    expect(told.length).toBeGreaterThan(0);
    for (const message of told) {
      expect(message).toEqual(noteChanged('CREATED', myNote, 'in another folder'));
    }
    expect(await before(added, 'isolated', folder)).toEqual([]);
  });

  test('is no place to listen: not by the token, the subdomain, or both', async () => {
    const refusals: [string, Record<string, string>, string | undefined][] = [
      // The token is for one, the host for the other.
      [tokenOf(mine), { host: 'neighbour.localhost' }, 'TENANT_MISMATCH'],
      // No member there.
      [tokenOf({ ...mine, slug: 'neighbour' }), {}, 'FORBIDDEN'],
      [tokenOf({ ...mine, slug: 'neighbour' }), { host: 'neighbour.localhost' }, 'FORBIDDEN'],
      [tokenOf({ ...mine, slug: 'nobody' }), {}, 'TENANT_NOT_FOUND'],
      [tokenOf({ ...mine, slug: '' }), {}, 'TENANT_REQUIRED'],
    ];
    for (const [token, headers, code] of refusals) {
      const client = subscriberOf(server, { token, headers });
      const watched = client.subscribe(CHANGED);
      await until('the connection is refused', () => client.closed !== undefined);
      expect(client.closed).toMatchObject({
        code: 4403,
        reason: expect.stringContaining(`${code}: `) as string,
      });
      expect(watched.messages).toEqual([]);
    }
  });

  test('is not confused with the own one by the subdomain', async () => {
    const client = subscriberOf(server, {
      token: tokenOf({ ...mine, slug: '' }),
      headers: { host: 'isolated.localhost' },
    });
    const watched = await inForce(server, () => client.subscribe(CHANGED));
    const id = await addNote('isolated', 'by subdomain');
    await arrived(watched, 1);
    expect(watched.messages).toEqual([noteChanged('CREATED', id, 'by subdomain')]);
  });
});

describe('a client is refused at the start', () => {
  const wrongSecret = issueToken(
    { userId: 'demo|acme|owner', email: 'owner@acme.test', tenantId: 'acme' },
    { secret: 'x'.repeat(32), issuer: 'tenantry', audience: 'tenantry' },
    60,
  );
  const good = tokenOf({ slug: 'acme', userId: 'demo|acme|owner' });
  test.each<[string, Record<string, unknown>, Record<string, string>?]>([
    ['without a token', {}],
    ['with a token that nobody has signed', { authorization: `Bearer ${wrongSecret}` }],
    [
      'with an expired token',
      { authorization: `Bearer ${tokenOf({ slug: 'acme', userId: 'demo|acme|owner' }, -60)}` },
    ],
    ['with a token of another scheme', { authorization: `Basic ${good}` }],
    ['with something that is no text', { authorization: { Bearer: good } }],
    ['with a token in a header, where no browser can put it', {}, { authorization: `Bearer ${good}` }],
  ])('%s', async (_name, params, headers = {}) => {
    const client = subscriberOf(server, { params, headers });
    const watched = client.subscribe(CHANGED);
    await until('the connection is refused', () => client.closed !== undefined);
    expect(client.closed).toMatchObject({ code: 4401 });
    expect(client.closed?.reason).toContain('UNAUTHENTICATED: ');
    expect(watched.messages).toEqual([]);
  });

  test('of a suspended tenant', async () => {
    const who = await memberOf('asleep');
    await sql("UPDATE tenants SET status = 'suspended' WHERE slug = 'asleep'");
    const client = clientOf(who);
    client.subscribe(CHANGED);
    await until('the connection is refused', () => client.closed !== undefined);
    expect(client.closed).toEqual({ code: 4403, reason: 'TENANT_SUSPENDED: This tenant is suspended.' });
  });
});

describe('within a second, on every server', () => {
  /** A member who has subscribed at both. */
  async function subscribed(slug: string, query = CHANGED, seconds = 60) {
    const who = await memberOf(slug);
    const token = tokenOf(who, seconds);
    const clients = [server, replica].map((at) => ({ at, client: subscriberOf(at, { token }) }));
    const watched: Watched[] = [];
    for (const { at, client } of clients) watched.push(await inForce(at, () => client.subscribe(query)));
    return { who, watched, clients: clients.map(({ client }) => client) };
  }
  type Subscribed = Awaited<ReturnType<typeof subscribed>>;

  async function expectClosed(
    { who, clients, watched }: Subscribed,
    code: number,
    reason: RegExp,
  ): Promise<void> {
    await until('the connections are closed', () => clients.every(({ closed }) => closed), SOON);
    for (const { closed } of clients) {
      expect(closed?.code).toBe(code);
      expect(closed?.reason).toMatch(reason);
    }
    await addNote(who.slug, 'too late');
    await until('nobody listens any more', async () => {
      const counts = await Promise.all([server, replica].map((at) => connectionsAt(at)));
      return counts.every((count) => count === 0);
    });
    for (const { messages } of watched) expect(messages).toEqual([]);
  }

  test('a removed membership ends the connection', async () => {
    const all = await subscribed('removed');
    await sql('DELETE FROM memberships WHERE user_id = $1', all.who.userId);
    await expectClosed(all, 4403, /^FORBIDDEN: /);
  });

  test('a suspended tenant ends the connections of its members', async () => {
    const all = await subscribed('suspended');
    await sql("UPDATE tenants SET status = 'suspended' WHERE slug = 'suspended'");
    await expectClosed(all, 4403, /^TENANT_SUSPENDED: /);
  });

  test('an expired token ends the connection', async () => {
    const start = Date.now();
    const all = await subscribed('expiring', CHANGED, 6);
    await until('the token expires', () => Date.now() > start + 6_000);
    await expectClosed(all, 4403, /^UNAUTHENTICATED: The token has expired/);
  });

  test('a name that passes to another tenant of the user ends the connection', async () => {
    const all = await subscribed('traded');
    await createTestTenant(database, 'buyer');
    await addMember(database, { ...all.who, slug: 'buyer', email: 'member@traded.test', role: 'member' });
    await sql(
      `UPDATE tenants SET slug = 'traded-before' WHERE slug = 'traded';
       UPDATE tenants SET slug = 'traded' WHERE slug = 'buyer'`,
    );
    await until('the connections are closed', () => all.clients.every(({ closed }) => closed), SOON);
    for (const { closed } of all.clients) {
      expect(closed).toMatchObject({
        code: 4403,
        reason: expect.stringContaining('TENANT_MISMATCH: ') as string,
      });
    }
    for (const slug of ['traded', 'traded-before']) await addNote(slug, 'too late');
    expect(all.watched.flatMap(({ messages }) => messages)).toEqual([]);
  });

  test('a role without the permission ends the subscription that demands it, and no other', async () => {
    const all = await subscribed('demoted');
    const open: Watched[] = [];
    for (const [at, client] of [
      [server, all.clients[0]!],
      [replica, all.clients[1]!],
    ] as const) {
      open.push(await inForce(at, () => client.subscribe('subscription { anyNote }')));
    }
    await sql("UPDATE memberships SET role = 'viewer' WHERE user_id = $1", all.who.userId);
    await until('the subscriptions end', () => all.watched.every(({ end }) => end !== undefined), SOON);
    for (const { end } of all.watched) {
      expect(end).toEqual([
        {
          message: 'This needs the permission notes:read.',
          extensions: { code: 'FORBIDDEN', requires: 'notes:read' },
        },
      ]);
    }
    await addNote(all.who.slug, 'for anybody');
    for (const watched of open) await arrived(watched, 1);
    expect(all.watched.flatMap(({ messages }) => messages)).toEqual([]);
    expect(all.clients.map(({ closed }) => closed)).toEqual([undefined, undefined]);

    for (const client of all.clients) {
      const again = client.subscribe(CHANGED);
      await until('it is refused', () => again.end !== undefined);
      expect(again.messages).toMatchObject([
        { errors: [{ path: ['noteChanged'], extensions: { code: 'FORBIDDEN', requires: 'notes:read' } }] },
      ]);
    }
  });

  test('a change of another member leaves a subscription alone', async () => {
    const all = await subscribed('untouched');
    await sql("UPDATE memberships SET role = 'viewer' WHERE user_id = 'owner|untouched'");
    await sql("UPDATE memberships SET role = 'admin' WHERE user_id = $1", all.who.userId);
    await addNote('untouched', 'still here');
    for (const watched of all.watched) await arrived(watched, 1);
    expect(all.clients.map(({ closed }) => closed)).toEqual([undefined, undefined]);
  });
});

describe('when events may have been missed', () => {
  const killListeners = () =>
    sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'tenantry listener'`,
    );

  test('because the listening connection was lost, clients are told to connect again, and do', async () => {
    const who = await memberOf('reconnecting');
    const client = subscriberOf(server, { token: tokenOf(who), retryAttempts: 100 });
    const watched = await inForce(server, () => client.subscribe(CHANGED));
    const witness = clientOf(who, replica);
    await inForce(replica, () => witness.subscribe(CHANGED));

    await killListeners();
    await until('the clients are told', () => witness.closed !== undefined, SOON);
    expect(witness.closed).toEqual({ code: 1012, reason: 'Events may have been missed.' });
    await until('the client has subscribed again', async () => (await subscriptionsAt(server)) === 1);
    expect(client.connections).toBeGreaterThan(1);
    const id = await addNote(who.slug, 'heard again');
    await arrived(watched, 1);
    expect(watched.messages).toEqual([noteChanged('CREATED', id, 'heard again')]);
  });

  test('because the listening connection has fallen silent, clients are told as soon as that is certain', async () => {
    const who = await memberOf('silenced');
    const proxy = await startTcpProxy(database.app);
    const env = { DATABASE_URL: database.app, DATABASE_LISTEN_URL: proxy.through(database.app) };
    const muffled = await startTestServer({ database, modules, env });
    try {
      const client = clientOf(who, muffled);
      await inForce(muffled, () => client.subscribe(CHANGED));
      proxy.silence();
      await until('the client is told', () => client.closed !== undefined);
      expect(client.closed?.code).toBe(1012);
      proxy.restore();
      const again = await inForce(muffled, () => clientOf(who, muffled).subscribe(CHANGED));
      await addNote(who.slug, 'heard again');
      await arrived(again, 1);
    } finally {
      await muffled.close();
      await proxy.close();
    }
  });

  async function expectRefused(deaf: TestServer): Promise<void> {
    const client = clientOf(OWNER, deaf);
    const watched = client.subscribe(CHANGED);
    await until('the client is told', () => client.closed !== undefined);
    expect(client.closed).toMatchObject({ code: 1013 });
    expect(watched.messages).toEqual([]);
  }

  test('because one listens in another database than one writes, nobody can subscribe', async () => {
    const elsewhere = await createTestDatabase();
    const env = { DATABASE_URL: database.app, DATABASE_LISTEN_URL: elsewhere.app };
    const deaf = await startTestServer({ database, modules, env });
    try {
      await expectRefused(deaf);
    } finally {
      await deaf.close();
      await elsewhere.drop();
    }
  });

  describe.skipIf(withoutPgBouncer())('behind PgBouncer in transaction mode', () => {
    let pooler: PgBouncer | undefined;
    beforeAll(async () => {
      pooler = await startPgBouncer(database.app, 5);
    });
    afterAll(() => pooler?.stop());

    test('nobody can subscribe', async () => {
      const deaf = await startTestServer({ database, modules, databaseUrl: pooler!.url });
      try {
        await expectRefused(deaf);
      } finally {
        await deaf.close();
      }
    });

    test('everybody can, with DATABASE_LISTEN_URL past it', async () => {
      const env = { DATABASE_URL: pooler!.url, DATABASE_LISTEN_URL: database.app };
      const pooled = await startTestServer({ database, modules, databaseUrl: pooler!.url, env });
      try {
        const watched = await inForce(pooled, () => clientOf(OWNER, pooled).subscribe(CHANGED));
        const id = await addNote('acme', 'past the pooler');
        await arrived(watched, 1);
        expect(watched.messages).toEqual([noteChanged('CREATED', id, 'past the pooler')]);
        expect(pooled.warnings).toEqual([]);
      } finally {
        await pooled.close();
      }
    });
  });
});

test('a field whose table is not published is a defect, not a silence', async () => {
  const client = clientOf(OWNER);
  const watched = client.subscribe('subscription { unpublished }');
  await until('it is answered', () => watched.end !== undefined);
  expect(watched.messages).toMatchObject([
    {
      errors: [
        { message: 'Something went wrong on our side.', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
      ],
    },
  ]);
  expect(client.closed).toBeUndefined();
});

test('nobody pays for subscriptions that nobody has', async () => {
  const who = await memberOf('quiet');
  const client = clientOf(who);
  // A connection alone is none.
  const refused = client.subscribe('subscription { nothing }');
  await until('it is answered', () => refused.end !== undefined);
  const leases = () =>
    sql('SELECT FROM tenantry.listening JOIN tenants ON id = tenant_id WHERE slug = $1', 'quiet');
  expect(await leases()).toEqual([]);
  const watched = await inForce(server, () => client.subscribe(CHANGED));
  expect(await leases()).toHaveLength(1);
  watched.stop();
});

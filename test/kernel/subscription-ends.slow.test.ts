/**
 * Proves that a subscriber loses access within a second on every server, and that an event that cannot be delivered
 * ends the connection instead of being left out.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.js';
import { untilHearing } from '../support/hearing.js';
import { startPgBouncer, withoutPgBouncer, type PgBouncer } from '../support/pgbouncer.js';
import { startTestServer, type TestServer } from '../support/server.js';
import {
  connectionsAt,
  inForce,
  subscriberOf,
  subscriptionsAt,
  type Watched,
} from '../support/subscriber.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { addMember, createTestTenant } from '../support/tenant-fixtures.js';
import { until } from '../support/until.js';
import {
  modules,
  CHANGED,
  tokenOf,
  OWNER,
  arrived,
  noteChanged,
  useNoteEvents,
} from '../support/note-events.js';

const { database, server, replica, clientOf, memberOf, sql, addNote } = useNoteEvents();

/** Less than 30 seconds, the time after which a server would notice a change without a notification. */
const SOON = 10_000;

describe('within a second, on every server', () => {
  /** A member who has subscribed at both servers. */
  async function subscribed(slug: string, query = CHANGED, seconds = 60) {
    const who = await memberOf(slug);
    const token = tokenOf(who, seconds);
    const clients = [server(), replica()].map((at) => ({ at, client: subscriberOf(at, { token }) }));
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
      const counts = await Promise.all([server(), replica()].map((at) => connectionsAt(at)));
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
    // And the five seconds for clocks that differ. A busy machine may need longer than that to subscribe at both servers.
    for (const seconds of [1, 30]) {
      const expires = Date.now() + (seconds + 5) * 1_000;
      const all = await subscribed(`expiring-${String(seconds)}`, CHANGED, seconds).catch(() => undefined);
      if (!all) continue;
      await until('the token expires', () => Date.now() > expires, 60_000);
      return expectClosed(all, 4403, /^UNAUTHENTICATED: The token has expired/);
    }
    throw new Error('nobody could subscribe before the token expired');
  });

  test('a name that passes to another tenant of the user ends the connection', async () => {
    const all = await subscribed('traded');
    await createTestTenant(database(), 'buyer');
    await addMember(database(), { ...all.who, slug: 'buyer', email: 'member@traded.test', role: 'member' });
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
      [server(), all.clients[0]!],
      [replica(), all.clients[1]!],
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
    const client = subscriberOf(server(), { token: tokenOf(who), retryAttempts: 100 });
    const watched = await inForce(server(), () => client.subscribe(CHANGED));
    const witness = clientOf(who, replica());
    await inForce(replica(), () => witness.subscribe(CHANGED));

    await killListeners();
    await until('the clients are told', () => witness.closed !== undefined, SOON);
    expect(witness.closed).toEqual({ code: 1012, reason: 'Events may have been missed.' });
    // Each server closes its clients when it hears of it itself: until then the old subscription is the one that counts.
    await until(
      'the client has subscribed again',
      async () => client.connections > 1 && (await subscriptionsAt(server())) === 1,
    );
    const id = await addNote(who.slug, 'heard again');
    await arrived(watched, 1);
    expect(watched.messages).toEqual([noteChanged('CREATED', id, 'heard again')]);
  });

  test('because the listening connection has fallen silent, clients are told as soon as that is certain', async () => {
    const who = await memberOf('silenced');
    const proxy = await startTcpProxy(database().app);
    const env = { DATABASE_URL: database().app, DATABASE_LISTEN_URL: proxy.through(database().app) };
    const muffled = await startTestServer({ database: database(), modules, env });
    try {
      await untilHearing(muffled);
      const client = clientOf(who, muffled);
      await inForce(muffled, () => client.subscribe(CHANGED));
      proxy.silence();
      await until('the client is told', () => client.closed !== undefined);
      expect(client.closed?.code).toBe(1012);
      proxy.restore();
      await untilHearing(muffled);
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
    const env = { DATABASE_URL: database().app, DATABASE_LISTEN_URL: elsewhere.app };
    const deaf = await startTestServer({ database: database(), modules, env });
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
      pooler = await startPgBouncer(database().app, 5);
    });
    afterAll(() => pooler?.stop());

    test('nobody can subscribe', async () => {
      const deaf = await startTestServer({ database: database(), modules, databaseUrl: pooler!.url });
      try {
        await expectRefused(deaf);
      } finally {
        await deaf.close();
      }
    });

    test('everybody can, with DATABASE_LISTEN_URL past it', async () => {
      const env = { DATABASE_URL: pooler!.url, DATABASE_LISTEN_URL: database().app };
      const pooled = await startTestServer({ database: database(), modules, databaseUrl: pooler!.url, env });
      try {
        await untilHearing(pooled);
        const watched = await inForce(pooled, () => clientOf(OWNER, pooled).subscribe(CHANGED));
        const id = await addNote('acme', 'past the pooler');
        await arrived(watched, 1);
        expect(watched.messages).toEqual([noteChanged('CREATED', id, 'past the pooler')]);
        // On a busy machine the notifications may be late.
        expect(pooled.warnings.filter((each) => !each.includes('do not arrive'))).toEqual([]);
      } finally {
        await pooled.close();
      }
    });
  });
});

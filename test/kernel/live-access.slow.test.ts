/**
 * Proves that open connections are closed at once on every server when their access ends, with or without a
 * subscription, and without waiting for an event. Two servers share one database and are notified by LISTEN and NOTIFY.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { untilHearing } from '../support/hearing.js';
import { createNotes, notesModule } from '../support/notes.js';
import { insertApiKey } from '../support/rows.js';
import { startTestServer, TEST_SECRET, type TestServer } from '../support/server.js';
import {
  connectionsAt,
  endSubscribersAfterEach,
  inForce,
  rawSocket,
  subscriberOf,
  type Subscriber,
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
  replica = await startTestServer({ database, modules });
  await untilHearing(server, replica);
});
afterAll(async () => {
  await server.close();
  await replica.close();
  await database.drop();
});
endSubscribersAfterEach(() => [server, replica]);

const CHANGED = 'subscription { noteChanged { kind id note { text } } }';
const sql = (statement: string, ...values: readonly unknown[]) => database.asSuperuser(statement, values);

const tokenOf = (slug: string, userId: string): string =>
  issueToken(
    { userId, email: 'somebody@example.test', tenantId: slug },
    { secret: TEST_SECRET, issuer: 'tenantry', audience: 'tenantry' },
    60,
  );

/** Creates a tenant with a member who has created an API key. */
async function tenantWithKey(slug: string, { expiresAt = '' } = {}) {
  await createTestTenant(database, slug);
  const maker = `maker|${slug}`;
  await addMember(database, { slug, userId: maker, email: `maker@${slug}.test`, role: 'member' });
  const made = await insertApiKey(database, slug, {
    permissions: ['notes:read'],
    createdBy: maker,
    ...(expiresAt !== '' && { expiresAt }),
  });
  return { slug, maker, ...made };
}

/** A subscriber at each server. */
async function subscribed(token: string): Promise<Subscriber[]> {
  const clients = [server, replica].map((at) => ({ at, client: subscriberOf(at, { token }) }));
  for (const { at, client } of clients) await inForce(at, () => client.subscribe(CHANGED));
  return clients.map(({ client }) => client);
}

/** A connection that says who it is, and nothing more. */
async function introduced(at: TestServer, token: string) {
  const raw = await rawSocket(at);
  raw.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
  await until('it is let in, or is not', () => raw.messages.length > 0 || raw.closed !== undefined);
  return raw;
}

/** An authenticated connection that sends nothing more. */
async function idle(at: TestServer, token: string) {
  const raw = await introduced(at, token);
  expect(raw.messages).toHaveLength(1);
  return raw;
}

const closed = (all: readonly { readonly closed: unknown }[]) =>
  until('the connections are closed', () => all.every((each) => each.closed !== undefined));

describe('the connections of an API key end', () => {
  const cases: [string, string, (key: { id: string; maker: string; slug: string }) => unknown[]][] = [
    ['when it is revoked', 'UPDATE api_keys SET revoked_at = now() WHERE id = $1', ({ id }) => [id]],
    ['when it is deleted', 'DELETE FROM api_keys WHERE id = $1', ({ id }) => [id]],
    [
      'when its time is cut short',
      "UPDATE api_keys SET expires_at = '2024-01-01' WHERE id = $1",
      ({ id }) => [id],
    ],
    ['when its maker leaves', 'DELETE FROM memberships WHERE user_id = $1', ({ maker }) => [maker]],
    [
      'when its tenant is suspended',
      "UPDATE tenants SET status = 'suspended' WHERE slug = $1",
      ({ slug }) => [slug],
    ],
  ];
  test.each(cases.map((each, n) => [...each, n] as const))('%s', async (_name, statement, values, n) => {
    const key = await tenantWithKey(`key-${n}`);
    const open = [...(await subscribed(key.key)), await idle(server, key.key), await idle(replica, key.key)];
    const bystanders = await subscribed(tokenOf('acme', 'demo|acme|owner'));
    await sql(statement, ...values(key));
    await closed(open);
    for (const each of open) {
      expect(each.closed).toMatchObject({
        code: 4403,
        reason: expect.stringMatching(/^(UNAUTHENTICATED|TENANT_SUSPENDED): /) as string,
      });
    }
    expect(bystanders.map((each) => each.closed)).toEqual([undefined, undefined]);
  });

  test('when it expires, though nothing happens', { timeout: 240_000 }, async () => {
    // A busy machine may need longer to let them in than the key is valid.
    for (const seconds of [5, 20, 60]) {
      const expiresAt = new Date(Date.now() + seconds * 1_000).toISOString();
      const { key } = await tenantWithKey(`key-expires-${String(seconds)}`, { expiresAt });
      const open = [await introduced(server, key), await introduced(replica, key)];
      const wereLetIn = open.every(({ messages }) => messages.length > 0);
      await until('the connections are closed', () => open.every((each) => each.closed), seconds * 2_000);
      if (!wereLetIn) continue;
      expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt));
      expect(open.map((each) => each.closed)).toMatchObject([{ code: 4403 }, { code: 4403 }]);
      return;
    }
    throw new Error('no connection was let in before its key expired');
  });

  test('when its time is changed while they are open', async () => {
    const { key, id } = await tenantWithKey('key-shortened');
    const open = [await idle(server, key), await idle(replica, key)];
    const expiresAt = new Date(Date.now() + 1_500).toISOString();
    await sql('UPDATE api_keys SET expires_at = $2 WHERE id = $1', id, expiresAt);
    await closed(open);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt));
  });

  test('only in part when its maker may do less: the subscription that demands more', async () => {
    const { key, maker } = await tenantWithKey('key-demoted');
    const client = subscriberOf(server, { token: key });
    const watched = await inForce(server, () => client.subscribe(CHANGED));
    const open = await inForce(server, () => client.subscribe('subscription { anyNote }'));
    await sql("UPDATE memberships SET role = 'viewer' WHERE user_id = $1", maker);
    await until('the subscription ends', () => watched.end !== undefined);
    expect(watched.end).toMatchObject([{ extensions: { code: 'FORBIDDEN', requires: 'notes:read' } }]);
    expect([open.end, client.closed]).toEqual([undefined, undefined]);
  });
});

describe('the connections of a user end, though they have no subscription,', () => {
  test.each([
    ['when the membership is removed', 'DELETE FROM memberships WHERE user_id = $1', 'FORBIDDEN'],
    [
      'when the tenant is suspended',
      "UPDATE tenants SET status = 'suspended' FROM memberships AS own WHERE tenants.id = own.tenant_id AND user_id = $1",
      'TENANT_SUSPENDED',
    ],
  ])('%s', async (_name, statement, code) => {
    const { slug, maker } = await tenantWithKey(`user-${code.toLowerCase().replace('_', '-')}`);
    const token = tokenOf(slug, maker);
    const open = [await idle(server, token), await idle(replica, token)];
    await sql(statement, maker);
    await closed(open);
    for (const each of open) expect(each.closed?.reason).toContain(`${code}: `);
  });
});

test('one look-up answers for all connections of a credential', async () => {
  const { slug, maker } = await tenantWithKey('many');
  const token = tokenOf(slug, maker);
  const open = await Promise.all(Array.from({ length: 20 }, () => idle(server, token)));
  const before = lookUps();
  await sql("UPDATE memberships SET role = 'admin' WHERE user_id = $1", maker);
  await until('the membership is looked up', () => lookUps() > before);
  await sql('DELETE FROM memberships WHERE user_id = $1', maker);
  await closed(open);
  // Each notification causes one look-up: the change of the membership, its end, and the end of its API key.
  expect(lookUps() - before).toBeLessThan(open.length);
});

/** The number of access look-ups that the server has sent to the database. */
let asked = 0;
const lookUps = () => asked;
beforeAll(() => {
  const { database: pool } = server.services;
  const query = pool.query.bind(pool);
  Object.assign(pool, {
    query: (text: string, values?: readonly unknown[]) => {
      if (text.includes('resolve_access')) asked++;
      return query(text, values);
    },
  });
});

test('what was not heard of is found out when the server hears again', async () => {
  const { key, id } = await tenantWithKey('silenced');
  const proxy = await startTcpProxy(database.app);
  const env = { DATABASE_URL: database.app, DATABASE_LISTEN_URL: proxy.through(database.app) };
  const muffled = await startTestServer({ database, modules, env });
  try {
    await until('it hears', () => muffled.services.invalidations.isLive);
    const open = await idle(muffled, key);
    proxy.silence();
    await until('it doubts', () => !muffled.services.invalidations.isLive);
    await until('the connection is still known', async () => (await connectionsAt(muffled)) === 1);
    await sql('UPDATE api_keys SET revoked_at = now() WHERE id = $1', id);
    // The listener reconnects. Notifications on the lost connection are gone.
    proxy.restore();
    await closed([open]);
    expect(open.closed?.code).toBe(4403);
  } finally {
    await muffled.close();
    await proxy.close();
  }
});

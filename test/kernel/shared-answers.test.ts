/**
 * Proves that subscribers with equal answers share one read, and that no other subscriber gets its result. The table is
 * read through Prisma and has fields that depend on permissions, on the viewer, on raw SQL and on nothing.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { Prisma, type Membership } from '../../src/generated/prisma/client.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import type { RequestContext } from '../../src/kernel/graphql/request-context.js';
import { changesOf } from '../../src/services/subscriptions/changes-of.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startTestServer, TEST_SECRET, type TestServer } from '../support/server.js';
import {
  endSubscribersAfterEach,
  hearing,
  subscriberOf,
  subscriptionsAt,
  type Watched,
} from '../support/subscriber.js';
import { addMember, createTestTenant } from '../support/tenant-fixtures.js';
import { until } from '../support/until.js';

/** The number of times the row was read for a subscription. */
let reads = 0;

const deskModule = defineModule({
  name: 'desk',
  typeDefs: `
    extend enum Permission { DESK_READ DESK_SECRETS }
    type Desk @requires(permission: DESK_READ) {
      email: String
      secret: String @requires(permission: DESK_SECRETS)
      mine: Boolean
      spread: String
      raw: String
      neighbours: Int
    }
    extend type Subscription { deskChanged(greeting: String): Desk @requires(permission: DESK_READ) }
  `,
  permissions: {
    'desk:read': ['owner', 'admin', 'member', 'viewer'],
    'desk:secrets': ['owner', 'admin'],
  },
  resolvers: {
    Desk: {
      secret: ({ email }: Membership) => `the secret of ${email}`,
      mine: (_desk: Membership, _args: object, { viewer }: RequestContext) => viewer.userId.includes('one'),
      spread: (_desk: Membership, _args: object, context: RequestContext) => ({ ...context }).viewer.userId,
      raw: async (_desk: Membership, _args: object, { db }: RequestContext) => {
        const [row] = await db.$queryRaw<{ actor: string }>(
          Prisma.sql`SELECT actor FROM tenantry.current_actor()`,
        );
        return row?.actor;
      },
      neighbours: (_desk: Membership, _args: object, { db }: RequestContext) =>
        db.membership.count({ where: { tenant: { is: { idempotencyKeys: { none: {} } } } } }),
    },
    Subscription: {
      deskChanged: changesOf('Membership', {
        payload: ({ id }, _args, { db }) => {
          reads++;
          return db.membership.findUnique({ where: db.key(id) });
        },
      }),
    },
  } as object,
});

let database: TestDatabase;
let server: TestServer;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.asSuperuser(`SET ROLE tenantry_owner; SELECT tenantry.publish('memberships'); RESET ROLE`);
  server = await startTestServer({ database, modules: [deskModule] });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});
endSubscribersAfterEach(() => [server]);

// An answer is shared for a second at most, which a slow machine can need for one event.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** The slug of a tenant with a row that changes, and with two members, two viewers and two administrators. */
let slug = '';
let tenants = 0;
beforeEach(async () => {
  slug = `shared-${String(++tenants)}`;
  await createTestTenant(database, slug);
  for (const role of ['member', 'viewer', 'admin', 'other']) {
    for (const name of ['one', 'two']) {
      await addMember(database, {
        slug,
        userId: `${role}-${name}|${slug}`,
        email: `${role}-${name}@${slug}.test`,
        role: role === 'other' ? 'viewer' : role,
      });
    }
  }
});

async function watch(names: readonly string[], fields: string, at = server): Promise<Watched[]> {
  await hearing(at);
  const before = await subscriptionsAt(at);
  const all = names.map((name) => {
    const token = issueToken(
      { userId: `${name}|${slug}`, email: `${name}@${slug}.test`, tenantId: slug },
      { secret: TEST_SECRET, issuer: 'tenantry', audience: 'tenantry' },
      60,
    );
    const query = fields.startsWith('subscription') ? fields : `subscription { deskChanged { ${fields} } }`;
    return subscriberOf(at, { token }).subscribe(query);
  });
  await until('all are in force', async () => (await subscriptionsAt(at)) === before + names.length);
  return all;
}

let changes = 0;
/** Changes the row once and returns the number of reads that this caused. */
async function readsOfChange(watched: readonly Watched[]): Promise<number> {
  const before = { reads, counts: watched.map(({ messages }) => messages.length) };
  await database.asSuperuser('UPDATE memberships SET email = $2 WHERE user_id = $1', [
    `other-one|${slug}`,
    `desk-${String(++changes)}@example.test`,
  ]);
  await until('all are told', () => watched.every(({ messages }, n) => messages.length > before.counts[n]!));
  return reads - before.reads;
}

const ALL = ['member-one', 'member-two', 'viewer-one', 'viewer-two', 'admin-one', 'admin-two'];
const desks = (watched: readonly Watched[]) =>
  watched.map(
    ({ messages }) => (messages.at(-1)?.data as { deskChanged?: Record<string, unknown> }).deskChanged,
  );

describe('one read is for all', () => {
  test('who subscribed to the same, whatever their roles, when no field asks for more', async () => {
    const watched = await watch(ALL, 'email');
    for (let round = 0; round < 3; round++) expect(await readsOfChange(watched)).toBe(1);
    expect(desks(watched)).toEqual(ALL.map(() => ({ email: `desk-${String(changes)}@example.test` })));
  });

  test('who hold a permission, and another one for all who lack it', async () => {
    const watched = await watch(ALL, 'email secret');
    for (let round = 0; round < 3; round++) expect(await readsOfChange(watched)).toBe(2);
    const email = `desk-${String(changes)}@example.test`;
    const [open, closed] = [
      { email, secret: `the secret of ${email}` },
      { email, secret: null },
    ];
    expect(desks(watched)).toEqual([closed, closed, closed, closed, open, open]);
    const codes = watched.map(({ messages }) => messages.at(-1)?.errors?.[0]?.extensions?.['code']);
    expect(codes).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', undefined, undefined]);
  });
});

describe('everybody has a read of their own', () => {
  test.each([
    ['where a field looks at the viewer', 'mine', (name: string) => name.endsWith('one')],
    ['where a field looks at all of the context', 'spread', (name: string) => `${name}|${slug}`],
    ['where a field is read by raw SQL', 'raw', (name: string) => `${name}|${slug}`],
  ])('%s', async (_name, field, expected) => {
    const watched = await watch(ALL, `email ${field}`);
    for (let round = 0; round < 3; round++) expect(await readsOfChange(watched)).toBe(ALL.length);
    expect(desks(watched)).toMatchObject(ALL.map((name) => ({ [field]: expected(name) })));
  });

  test('where a read may lead to a table whose rows depend on the actor', async () => {
    const watched = await watch(ALL, 'email neighbours');
    expect(await readsOfChange(watched)).toBe(ALL.length);
  });

  test('who subscribed to something else, by the document or by a variable', async () => {
    const query = (greeting: string) => `subscription { deskChanged(greeting: "${greeting}") { email } }`;
    const watched = [
      ...(await watch(['member-one'], query('a'))),
      ...(await watch(['member-one', 'member-two'], query('b'))),
    ];
    expect(await readsOfChange(watched)).toBe(2);
  });
});

test('a policy that looks at the actor decides for each of them', async () => {
  const own = await createTestDatabase();
  try {
    await own.asSuperuser(`SET ROLE tenantry_owner; SELECT tenantry.publish('memberships');
      CREATE POLICY own_desk ON memberships AS RESTRICTIVE FOR SELECT TO tenantry_app
        USING (user_id NOT LIKE 'other%' OR current_setting('app.current_actor') LIKE 'member-two%');
      RESET ROLE`);
    await expectOwnDesk(own);
  } finally {
    await own.drop();
  }
});

async function expectOwnDesk(own: TestDatabase): Promise<void> {
  const apart = await startTestServer({ database: own, modules: [deskModule] });
  try {
    await createTestTenant(own, slug);
    for (const name of ['member-one', 'member-two', 'other-one']) {
      await addMember(own, {
        slug,
        userId: `${name}|${slug}`,
        email: `${name}@${slug}.test`,
        role: 'member',
      });
    }
    // The subscriber who may see the row comes first and last.
    const watched = await watch(['member-two', 'member-one', 'member-two'], 'email', apart);
    for (let round = 0; round < 3; round++) {
      await own.asSuperuser('UPDATE memberships SET email = $2 WHERE user_id = $1', [
        `other-one|${slug}`,
        `hidden-${String(round)}@example.test`,
      ]);
    }
    await own.asSuperuser("UPDATE memberships SET email = 'last@example.test' WHERE user_id = $1", [
      `member-one|${slug}`,
    ]);
    const isLast = ({ messages }: Watched) => JSON.stringify(messages).includes('last@example.test');
    await until('all are told', () => watched.every(isLast));
    expect(JSON.stringify(watched[1]!.messages)).not.toContain('hidden');
    for (const each of [watched[0]!, watched[2]!]) {
      expect(JSON.stringify(each.messages)).toContain('hidden-2@example.test');
    }
  } finally {
    await apart.close();
  }
}

test('a subscriber who is behind reads many changes in one transaction', async () => {
  const [watched] = await watch(['member-one'], 'email raw');
  await readsOfChange([watched!]);
  const { database: pool } = server.services;
  const forTenant = pool.forTenant.bind(pool);
  let clients = 0;
  Object.assign(pool, {
    forTenant: (context: Parameters<typeof forTenant>[0]) => {
      clients++;
      return forTenant(context);
    },
  });
  const count = 200;
  const before = watched!.messages.length;
  await database.asSuperuser(
    `INSERT INTO memberships (tenant_id, user_id, email, role)
     SELECT id, 'more ' || n, n || '@many.test', 'viewer' FROM tenants, generate_series(1, $2) AS n WHERE slug = $1`,
    [slug, count],
  );
  await until('all are told', () => watched!.messages.length === before + count);
  Object.assign(pool, { forTenant });
  expect(clients).toBeLessThan(count / 4);
  const emails = desks(
    watched!.messages.slice(before).map((message) => ({ ...watched!, messages: [message] })),
  );
  expect(emails.map((desk) => desk?.['email'])).toEqual(
    Array.from({ length: count }, (_, n) => `${String(n + 1)}@many.test`),
  );
});

/**
 * Sends tenants to wrong schemas on purpose. Three layers stand in the way: the binding refuses the schema, row-level security hides
 * its rows, and a check of each table refuses rows of others. The last two are shown to hold with the others switched off.
 */
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { PATIENT } from '../support/patience.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { newestMigration, schemaOf } from '../../src/kernel/database/schemas/own-schema.js';
import { UnplacedStatementError } from '../../src/kernel/database/schemas/placed-sql.js';
import { PipeliningClient } from '../../src/kernel/driver/pipelining-client.js';
import type { TenantContext } from '../../src/kernel/request/tenant-context.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { bindingValues, connected, contextOf, refusalOf, rejectionOf } from '../support/demo-tenants.js';
import { createPlaced, placeExisting } from '../support/own-schemas.js';
import { watchStatements } from '../support/statements.js';

const statements = watchStatements();
const database = useDatabase();
const elsewhere = useDatabase();
let opened: Database;
let one: TenantContext;
let two: TenantContext;
let shared: TenantContext;

beforeAll(async () => {
  opened = openTestDatabase({ url: database().app, poolSize: 2, limits: PATIENT });
  one = contextOf(await createPlaced(database(), 'one'));
  two = contextOf(await createPlaced(database(), 'two'));
  shared = contextOf(await database().tenantId('acme'));
});
afterAll(() => opened.close());

beforeEach(async () => {
  for (const { tenantId } of [one, two]) {
    const schema = schemaOf(tenantId);
    await database().asSuperuser(`DELETE FROM ${schema}.conversations`);
    await database().asSuperuser(
      `INSERT INTO ${schema}.conversations (tenant_id, user_id, body) VALUES ($1, 'u', $2)`,
      [tenantId, `of ${schema}`],
    );
  }
});

/** In the statements for a tenant with a schema. */
const PLACED = /bind_placed|search_path|tenant_[0-9a-f]{32}/;
const BIND_PLACED = 'SELECT tenantry.bind_placed($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)';

/** Runs `work` in a transaction of the server's role, bound to a tenant and in a schema. It is rolled back. */
const inSchemaOf = <Result>(
  context: TenantContext,
  bound: string | null,
  searched: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> =>
  connected(database().app, async (client) => {
    await client.query('BEGIN');
    await client.query(BIND_PLACED, [...bindingValues(context), bound, newestMigration()]);
    await client.query(`SET LOCAL search_path = ${searched}, public, pg_temp`);
    return work(client);
  });
const write = (client: pg.Client, { tenantId }: TenantContext) =>
  client.query("INSERT INTO conversations (tenant_id, user_id, body) VALUES ($1, 'u', 'misplaced')", [
    tenantId,
  ]);
const bodies = async (client: pg.Client): Promise<string[]> =>
  (await client.query<{ body: string }>('SELECT body FROM conversations')).rows.map(({ body }) => body);

describe('The binding', () => {
  const refused = async (context: TenantContext, sql: string, ...more: readonly unknown[]) =>
    (
      await refusalOf(
        connected(database().app, (client) => client.query(sql, [...bindingValues(context), ...more])),
      )
    ).state;

  test('refuses a tenant without its schema, in another schema, and in one that it does not have', async () => {
    const newest = newestMigration();
    expect(await refused(one, 'SELECT tenantry.bind($1, $2, $3, $4, $5, $6, $7, $8)')).toBe('TE004');
    expect(await refused(one, BIND_PLACED, schemaOf(two.tenantId), newest)).toBe('TE005');
    expect(await refused(one, BIND_PLACED, 'public', newest)).toBe('TE005');
    expect(await refused(shared, BIND_PLACED, schemaOf(shared.tenantId), newest)).toBe('TE005');
    expect(await refused(shared, BIND_PLACED, schemaOf(one.tenantId), newest)).toBe('TE005');
  });

  test('refuses a schema that lacks migrations, and serves one that has newer ones', async () => {
    expect(await refused(one, BIND_PLACED, schemaOf(one.tenantId), '29990101000000_later')).toBe('TE006');
    expect(await inSchemaOf(one, schemaOf(one.tenantId), schemaOf(one.tenantId), bodies)).toHaveLength(1);
    await connected(database().app, (client) =>
      client.query(BIND_PLACED, [...bindingValues(one), schemaOf(one.tenantId), '2000']),
    );
  });

  test('takes a signed context only', async () => {
    if (database().contextKey === undefined) return;
    const forged = [...bindingValues(one)];
    forged[0] = two.tenantId;
    const { state } = await refusalOf(
      connected(database().app, (client) =>
        client.query(BIND_PLACED, [...forged, schemaOf(two.tenantId), newestMigration()]),
      ),
    );
    expect(state).toBe('42501');
  });
});

describe('A transaction in another tenant’s schema', () => {
  test('finds nothing by row-level security alone, and writes nothing that the other tenant has', async () => {
    const schema = schemaOf(two.tenantId);
    await database().asSuperuser(`ALTER TABLE ${schema}.conversations DROP CONSTRAINT own_tenant`);
    try {
      await inSchemaOf(one, null, schema, async (client) => {
        expect(await bodies(client)).toEqual([]);
        expect((await client.query("UPDATE conversations SET body = 'x'")).rowCount).toBe(0);
        expect((await client.query('DELETE FROM conversations')).rowCount).toBe(0);
        expect((await refusalOf(write(client, two))).state).toBe('42501');
      });
    } finally {
      await database().asSuperuser(
        `ALTER TABLE ${schema}.conversations ADD CONSTRAINT own_tenant CHECK (tenant_id = '${two.tenantId}')`,
      );
    }
  });

  test('cannot write its own rows there, by the check alone', async () => {
    const schema = schemaOf(two.tenantId);
    const security = (what: string) =>
      database().asSuperuser(`ALTER TABLE ${schema}.conversations ${what} ROW LEVEL SECURITY`);
    await security('DISABLE');
    try {
      expect((await inSchemaOf(one, null, schema, (client) => refusalOf(write(client, one)))).state).toBe(
        '23514',
      );
    } finally {
      await security('ENABLE');
    }
  });

  test('is not a row of another tenant either, in any table of the schema', async () => {
    const rows = await database().asSuperuser<{ table: string; checked: boolean; forced: boolean }>(
      `SELECT c.relname AS table, c.relrowsecurity AND c.relforcerowsecurity AS forced, EXISTS (
         SELECT FROM pg_constraint o WHERE o.conrelid = c.oid AND o.conname = 'own_tenant' AND o.convalidated
       ) AS checked
       FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' ORDER BY 1`,
      [schemaOf(one.tenantId)],
    );
    expect(rows).toEqual([
      { table: 'conversations', checked: true, forced: true },
      { table: 'messages', checked: true, forced: true },
    ]);
  });
});

test('The server’s role makes nothing in the schema of a tenant, and owns nothing there', async () => {
  expect(
    await database().asSuperuser(
      `SELECT has_schema_privilege('tenantry_app', n.oid, 'CREATE') AS creates, count(c.oid)::int AS owned
       FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relowner <> 'tenantry_owner'::regrole
       WHERE n.nspname ~ '^tenant_[0-9a-f]{32}$' GROUP BY 1`,
    ),
  ).toEqual([{ creates: false, owned: 0 }]);
});

describe('Raw SQL of a tenant with a schema', () => {
  test('finds its own table with and without a schema', async () => {
    const db = opened.forTenant(one);
    const own = [{ body: `of ${schemaOf(one.tenantId)}` }];
    expect(await db.$queryRaw(Prisma.sql`SELECT body FROM conversations`)).toEqual(own);
    expect(await db.$queryRaw(Prisma.sql`SELECT body FROM public.conversations`)).toEqual(own);
    await db.transaction(async (tx) => {
      expect(await tx.$queryRaw(Prisma.sql`SELECT body FROM "public"."conversations"`)).toEqual(own);
      expect(await tx.$executeRaw(Prisma.sql`UPDATE conversations SET body = body || '!'`)).toBe(1);
    });
    expect(await db.conversation.findMany({ include: { messages: true } })).toMatchObject([
      { body: `of ${schemaOf(one.tenantId)}!`, messages: [] },
    ]);
  });

  test('is refused before it is sent when it names the schema of a tenant, or hides the name of a table', async () => {
    const db = opened.forTenant(one);
    await db.conversation.count();
    // eslint-disable-next-line no-restricted-syntax -- the text is that of this test
    const other = Prisma.raw(`SELECT body FROM ${schemaOf(two.tenantId)}.conversations`);
    // eslint-disable-next-line no-restricted-syntax -- the text is that of this test
    const hidden = Prisma.raw(
      `SELECT count(*)::int FROM pg_class WHERE oid = 'public.conversations'::regclass`,
    );
    const sent = await statements.during(async () => {
      for (const sql of [other, hidden]) {
        expect(await rejectionOf(db.$queryRaw(sql))).toBeInstanceOf(UnplacedStatementError);
      }
    });
    expect(sent).toEqual([]);
    await expect(db.transaction((tx) => tx.$queryRaw(other))).rejects.toThrow('names the schema of a tenant');
    expect(await db.conversation.count()).toBe(1);
  });
});

describe('The client', () => {
  test('learns the schema from one refusal, also in a transaction and a unit of work', async () => {
    const three = contextOf(await createPlaced(database(), 'three'));
    const work = () => opened.forTenant(three).conversation.create({ data: { userId: 'u', body: 'first' } });
    const sent = await statements.during(async () => {
      await work();
      await opened
        .forTenant(three)
        .transaction((tx) => tx.conversation.updateMany({ data: { body: 'second' } }));
    });
    expect(sent.filter((text) => text.startsWith('SELECT tenantry.bind(')).length).toBeLessThanOrEqual(1);
    expect(await opened.forTenant(three).conversation.findMany()).toMatchObject([{ body: 'second' }]);
    const four = contextOf(await createPlaced(database(), 'four'));
    await opened.unitOfWork(four, (db) =>
      db.conversation.create({ data: { userId: 'u', body: 'in a unit' } }),
    );
    expect(await database().asSuperuser(`SELECT body FROM ${schemaOf(four.tenantId)}.conversations`)).toEqual(
      [{ body: 'in a unit' }],
    );
  });

  test('sends nothing new for tenants without a schema', async () => {
    const sent = await statements.during(async () => {
      const db = opened.forTenant(shared);
      await db.conversation.findMany();
      await db.transaction((tx) => tx.conversation.count());
    });
    expect(sent.join('\n')).not.toMatch(PLACED);
  });

  test('uses what one database has told for that database only', async () => {
    await placeExisting(elsewhere(), 'acme');
    const other = openTestDatabase({ url: elsewhere().app, poolSize: 1, limits: PATIENT });
    const sentFor = (asked: Database) =>
      statements.during(async () => {
        await asked.forTenant(shared).conversation.findMany();
        await asked.forTenant(shared).transaction((tx) => tx.conversation.count());
      });
    try {
      await sentFor(other);
      expect((await sentFor(other)).join('\n')).toMatch(PLACED);
      expect((await sentFor(opened)).join('\n')).not.toMatch(PLACED);
    } finally {
      await other.close();
    }
  });

  test('replaces connections that have served many schemas', async () => {
    const alone = openTestDatabase({ url: database().app, poolSize: 1, limits: PATIENT });
    const pid = Prisma.sql`SELECT pg_backend_pid() AS pid`;
    const inTurn = async () => [
      await alone.forTenant(one).$queryRaw(pid),
      await alone.forTenant(one).transaction((tx) => tx.$queryRaw(pid)),
      await alone.forTenant(one).$queryRaw(pid),
      await alone.forTenant(one).conversation.findMany({ include: { messages: true } }),
      await alone.forTenant(one).$queryRaw(pid),
    ];
    try {
      const [first, second, third, , fifth] = await inTurn();
      expect(second).toEqual(first);
      expect([third, fifth]).toEqual([first, first]);
      const worn = vi.spyOn(PipeliningClient.prototype, 'isWorn', 'get').mockReturnValue(true);
      const pids = (await inTurn()).filter((_rows, at) => at !== 3).map((rows) => JSON.stringify(rows));
      expect(new Set(pids).size).toBe(4);
      worn.mockRestore();
    } finally {
      await alone.close();
    }
  });

  test('forgets a schema that is gone', async () => {
    const gone = contextOf(await createPlaced(database(), 'gone'));
    expect(await opened.forTenant(gone).conversation.count()).toBe(0);
    await database().asSuperuser('SELECT tenantry.remove_schema($1)', [gone.tenantId]);
    expect(await opened.forTenant(gone).conversation.count()).toBe(0);
    await opened.forTenant(gone).conversation.create({ data: { userId: 'u', body: 'in public' } });
    expect(
      await database().asSuperuser('SELECT body FROM public.conversations WHERE tenant_id = $1', [
        gone.tenantId,
      ]),
    ).toEqual([{ body: 'in public' }]);
  });
});

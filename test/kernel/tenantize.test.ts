import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  finishTenantize,
  neighboursOf,
  readTables,
  refusals,
  tenantize,
  TenantizeError,
  undoTenantize,
} from '@tenantry/tenantize';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tenantizeProject } from '../../src/cli/tenantize-project.js';
import { PRISMA_FOLDER } from '../../src/kernel/database/migration/folder.js';
import {
  MigrationError,
  applyMigrations,
  schemaDrift,
} from '../../src/kernel/database/migration/migrations.js';
import { withClient } from '../../src/kernel/database/owner-connection.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

/**
 * A shop: customers and shipments have tenants, orders and their lines do not. `born` is what the latter would be, had
 * they been made for tenants.
 */
const shop = (born: boolean): string => {
  const tenant = born ? 'tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant(),' : '';
  const key = born ? 'tenant_id, ' : '';
  const name = born ? 'tenant_id_' : '';
  const tenants = (table: string): string =>
    `CONSTRAINT ${table}_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE RESTRICT ON UPDATE RESTRICT`;
  return `
    CREATE TABLE customers (
      tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant(),
      id uuid NOT NULL DEFAULT tenantry.uuid_v7(),
      CONSTRAINT customers_pkey PRIMARY KEY (tenant_id, id),
      ${tenants('customers')}
    );
    SELECT tenantry.protect('customers', 'Customer');
    CREATE TABLE orders (
      ${tenant}
      id bigserial NOT NULL,
      customer_id uuid NOT NULL,
      number text NOT NULL,
      note text,
      CONSTRAINT orders_pkey PRIMARY KEY (${key}id)
      ${born ? `, ${tenants('orders')}` : ''}
    );
    CREATE UNIQUE INDEX orders_${name}number_key ON orders (${key}number);
    CREATE UNIQUE INDEX ${born ? 'tenant_' : ''}orders_open ON orders (${key}number) WHERE note IS NULL;
    CREATE UNIQUE INDEX ${born ? 'tenant_' : ''}orders_note ON orders (${key}lower(note)) WHERE note <> '';
    CREATE TABLE order_lines (
      ${tenant}
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      order_id bigint NOT NULL,
      replaces uuid,
      CONSTRAINT order_lines_pkey PRIMARY KEY (${key}id),
      CONSTRAINT order_lines_${name}order_id_fkey FOREIGN KEY (${key}order_id) REFERENCES orders (${key}id)
        ON DELETE CASCADE ON UPDATE CASCADE,
      CONSTRAINT order_lines_${name}replaces_fkey FOREIGN KEY (${key}replaces) REFERENCES order_lines (${key}id)
        ON DELETE RESTRICT ON UPDATE RESTRICT
      ${born ? `, ${tenants('order_lines')}` : ''}
    );
    CREATE TABLE shipments (
      tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant(),
      id uuid NOT NULL DEFAULT tenantry.uuid_v7(),
      order_id bigint NOT NULL,
      CONSTRAINT shipments_pkey PRIMARY KEY (tenant_id, id),
      ${tenants('shipments')},
      CONSTRAINT shipments_${name}order_id_fkey FOREIGN KEY (${key}order_id) REFERENCES orders (${key}id)
        ON DELETE RESTRICT ON UPDATE RESTRICT
    );
    SELECT tenantry.protect('shipments', 'Shipment');
    ${born ? "SELECT tenantry.protect('orders', 'Order'); SELECT tenantry.protect('order_lines', 'OrderLine');" : ''}
    ${born ? 'GRANT USAGE ON SEQUENCE orders_id_seq TO tenantry_app, tenantry_operator;' : ''}
  `;
};

const ROWS = `
  INSERT INTO customers (tenant_id) SELECT id FROM tenants WHERE slug IN ('acme', 'globex');
  INSERT INTO orders (customer_id, number, note)
    SELECT id, tenant_id || '-' || n, tenant_id || ' ' || n FROM customers, generate_series(1, 300) n;
  INSERT INTO order_lines (order_id) SELECT id FROM orders, generate_series(1, 2);
  INSERT INTO shipments (tenant_id, order_id)
    SELECT tenant_id, orders.id FROM orders JOIN customers ON customers.id = customer_id WHERE orders.id % 10 = 0;
`;
const TABLES = ['orders', 'order_lines'];
const FROM_CUSTOMER = {
  tenantExpression: '(SELECT c.tenant_id FROM customers c WHERE c.id = orders.customer_id)',
};
/** The role of code that knows of no tenant. One for the server: roles are not a database's. */
const OLD_ROLE = 'tenantize_old_code';

const undo: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

interface Shop {
  readonly database: TestDatabase;
  readonly prisma: string;
  readonly url: string;
}

async function newDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  undo.push(() => database.drop());
  return database;
}

/** A database with tables that were made for tenants. */
async function bornShop(): Promise<TestDatabase> {
  const database = await newDatabase();
  await database.asSuperuser(`SET ROLE tenantry_owner; ${shop(true)}; RESET ROLE`);
  return database;
}

/** A database with the shop in it, and the folder of its migrations. */
async function makeShop(): Promise<Shop> {
  const database = await newDatabase();
  const prisma = await mkdtemp(join(tmpdir(), 'tenantry-prisma-'));
  undo.push(() => rm(prisma, { recursive: true }));
  await cp(PRISMA_FOLDER, prisma, { recursive: true });
  await mkdir(join(prisma, 'migrations', '29990101000000_shop'));
  await writeFile(join(prisma, 'migrations', '29990101000000_shop', 'migration.sql'), shop(false));
  await applyMigrations(database.superuser, prisma);
  await database.asSuperuser(`${ROWS};
    GRANT SELECT, INSERT, UPDATE, DELETE ON orders, order_lines TO ${OLD_ROLE};
    GRANT USAGE ON SEQUENCE orders_id_seq TO ${OLD_ROLE}`);
  return { database, prisma, url: database.superuser };
}

/** What the catalog holds of the tables, a line each. */
async function catalogOf(database: TestDatabase): Promise<string[]> {
  const tables = "(ARRAY['customers', 'orders', 'order_lines', 'shipments']::regclass[])";
  const rows = await database.asSuperuser<{ line: string }>(`
      SELECT concat_ws(' ', attrelid::regclass, attname, atttypid::regtype, attnotnull, pg_get_expr(adbin, adrelid)) AS line
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = ANY ${tables} AND attnum > 0 AND NOT attisdropped
      UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated)
        FROM pg_constraint WHERE conrelid = ANY ${tables}
      UNION ALL SELECT concat_ws(' ', pg_get_indexdef(indexrelid), indisprimary, indisvalid)
        FROM pg_index WHERE indrelid = ANY ${tables}
      UNION ALL SELECT concat_ws(' ', pg_get_triggerdef(oid), tgenabled)
        FROM pg_trigger WHERE tgrelid = ANY ${tables} AND NOT tgisinternal
      UNION ALL SELECT concat_ws(' ', polrelid::regclass, polname, polroles::regrole[], pg_get_expr(polqual, polrelid))
        FROM pg_policy WHERE polrelid = ANY ${tables}
      UNION ALL SELECT concat_ws(' ', relname, relrowsecurity, relforcerowsecurity, grantee::regrole, privilege_type)
        FROM pg_class, aclexplode(relacl) WHERE oid = ANY ${tables} OR relname = 'orders_id_seq'
      UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE 'tenantize%'
      ORDER BY line`);
  return rows.map(({ line }) => line);
}

/** What it was refused with. */
async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error instanceof MigrationError || error instanceof TenantizeError).toBe(true);
  return (error as Error).message;
}

/** Code that knows of no tenant, writing and reading until it is stopped. */
function oldCode(url: string): { stop(): Promise<string[]> } {
  let stopped = false;
  const written: string[] = [];
  const work = withClient(url, async (client) => {
    await client.query(`SET ROLE ${OLD_ROLE}`);
    const customers = (await client.query<{ id: string }>('SELECT DISTINCT customer_id AS id FROM orders'))
      .rows;
    for (let turn = 0; !stopped; turn += 1) {
      const { rows } = await client.query<{ id: string }>(
        'INSERT INTO orders (customer_id, number) VALUES ($1, $2) RETURNING id',
        [customers[turn % customers.length]!.id, `old ${turn}`],
      );
      await client.query('INSERT INTO order_lines (order_id) VALUES ($1), (1 + $1 % 100)', [rows[0]!.id]);
      await client.query('UPDATE orders SET note = $2 WHERE id = $1', [rows[0]!.id, `note ${turn}`]);
      await client.query('DELETE FROM orders WHERE number = $1', [`old ${turn - 3}`]);
      written.push(rows[0]!.id);
    }
  });
  return {
    async stop() {
      stopped = true;
      await work;
      return written;
    },
  };
}

beforeAll(() =>
  withClient(process.env['TENANTRY_TEST_POSTGRES'] ?? '', (client) =>
    client.query(`CREATE ROLE ${OLD_ROLE}`),
  ),
);
// After the databases, in which it has privileges.
undo.push(() =>
  withClient(process.env['TENANTRY_TEST_POSTGRES'] ?? '', (client) => client.query(`DROP ROLE ${OLD_ROLE}`)),
);

const MODELS = `
model Customer {
  tenantId String @default(dbgenerated("tenantry.current_tenant()")) @map("tenant_id") @db.Uuid
  id       String @default(dbgenerated("tenantry.uuid_v7()")) @db.Uuid
  tenant   Tenant @relation(fields: [tenantId], references: [id], onDelete: Restrict, onUpdate: Restrict)
  @@id([tenantId, id])
  @@map("customers")
}
model Order {
  tenantId   String @default(dbgenerated("tenantry.current_tenant()")) @map("tenant_id") @db.Uuid
  tenant     Tenant @relation(fields: [tenantId], references: [id], onDelete: Restrict, onUpdate: Restrict)
  id         BigInt @default(autoincrement())
  customerId String @map("customer_id") @db.Uuid
  number     String
  note       String?
  lines      OrderLine[]
  shipments  Shipment[]
  @@id([tenantId, id])
  @@unique([tenantId, number])
  @@map("orders")
}
model OrderLine {
  tenantId   String @default(dbgenerated("tenantry.current_tenant()")) @map("tenant_id") @db.Uuid
  tenant     Tenant @relation(fields: [tenantId], references: [id], onDelete: Restrict, onUpdate: Restrict)
  id         String @default(dbgenerated("gen_random_uuid()")) @db.Uuid
  orderId    BigInt @map("order_id")
  replaces   String? @db.Uuid
  order      Order @relation(fields: [tenantId, orderId], references: [tenantId, id], onDelete: Cascade)
  replaced   OrderLine? @relation("replaces", fields: [tenantId, replaces], references: [tenantId, id], onDelete: Restrict, onUpdate: Restrict)
  replacedBy OrderLine[] @relation("replaces")
  @@id([tenantId, id])
  @@map("order_lines")
}
model Shipment {
  tenantId String @default(dbgenerated("tenantry.current_tenant()")) @map("tenant_id") @db.Uuid
  id       String @default(dbgenerated("tenantry.uuid_v7()")) @db.Uuid
  orderId  BigInt @map("order_id")
  tenant   Tenant @relation(fields: [tenantId], references: [id], onDelete: Restrict, onUpdate: Restrict)
  order    Order @relation(fields: [tenantId, orderId], references: [tenantId, id], onDelete: Restrict, onUpdate: Restrict)
  @@id([tenantId, id])
  @@map("shipments")
}
`;

describe('a conversion of tables in use', { timeout: 60_000 }, () => {
  it('loses no write of old or new code, and ends where tables made for tenants are', async () => {
    const { database, prisma, url } = await makeShop();
    const old = oldCode(url);
    const plan = await tenantize(tenantizeProject(url, prisma), TABLES, FROM_CUSTOMER);
    // Two instances at once: the one that waits must not be what CREATE INDEX CONCURRENTLY waits for.
    const applied = await Promise.all([applyMigrations(url, prisma), applyMigrations(url, prisma)]);
    expect(applied.flat()).toEqual(plan.steps.map(({ name }) => name));

    // New code beside the old one: bound, and isolated.
    const acme = await database.tenantId('acme');
    await withClient(database.app, async (client) => {
      await expect(client.query('SELECT FROM orders')).rejects.toThrow('no tenant is bound');
      await client.query('BEGIN');
      await client.query("SELECT tenantry.bind($1, 'test', 'job', NULL, 10000, false)", [acme]);
      const { rows } = await client.query('SELECT DISTINCT tenant_id FROM orders');
      expect(rows).toEqual([{ tenant_id: acme }]);
      const added = await client.query(
        "INSERT INTO orders (customer_id, number) SELECT id, 'new' FROM customers RETURNING tenant_id",
      );
      expect(added.rows).toEqual([{ tenant_id: acme }]);
      await expect(
        client.query("UPDATE orders SET tenant_id = gen_random_uuid() WHERE number = 'new'"),
      ).rejects.toThrow('row-level security');
      await client.query('ROLLBACK');
    });
    const written = await old.stop();
    expect(written.length).toBeGreaterThan(10);
    const [kept] = await database.asSuperuser(
      `SELECT count(*)::integer AS orders, count(*) FILTER (WHERE note LIKE 'note %')::integer AS notes,
              count(*) FILTER (WHERE o.tenant_id = c.tenant_id)::integer AS right,
              count(*) FILTER (WHERE (SELECT count(*) FROM order_lines l WHERE l.order_id = o.id AND l.tenant_id = o.tenant_id) > 0)::integer AS lines
       FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = ANY ($1::bigint[])`,
      [written],
    );
    // The last three of what it wrote are not deleted yet.
    expect(kept).toEqual({ orders: 3, notes: 3, right: 3, lines: 3 });
    const wrong = await database.asSuperuser(
      `SELECT FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.tenant_id <> o.tenant_id
       UNION ALL SELECT FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE l.tenant_id <> o.tenant_id`,
    );
    expect(wrong).toEqual([]);

    const end = await finishTenantize(tenantizeProject(url, prisma), TABLES);
    expect(end.steps.every(({ down }) => down === undefined)).toBe(true);
    await applyMigrations(url, prisma);
    expect(await catalogOf(database)).toEqual(await catalogOf(await bornShop()));
    await writeFile(join(prisma, 'shop.prisma'), MODELS);
    const platform = join(prisma, 'platform.prisma');
    const sides = 'customers Customer[]\n  orders Order[]\n  orderLines OrderLine[]\n  shipments Shipment[]';
    const models = (await readFile(platform, 'utf8')).replace(/^model Tenant \{$/m, `$&\n  ${sides}`);
    await writeFile(platform, models);
    // Prisma knows nothing of an index over an expression, and leaves it alone.
    expect(await schemaDrift(url, prisma)).toBe('');

    expect(await refusal(undoTenantize(tenantizeProject(url, prisma), TABLES))).toContain(
      'came later, and has no way back',
    );
    expect(await refusal(tenantize(tenantizeProject(url, prisma), TABLES, FROM_CUSTOMER))).toContain(
      'orders is tenant-scoped already',
    );
    expect(await refusal(finishTenantize(tenantizeProject(url, prisma), TABLES))).toContain(
      'orders is tenant-scoped already',
    );
  });

  it('goes on after it was cut off: in the backfill, and in the building of an index', async () => {
    const { database, prisma, url } = await makeShop();
    const { steps } = await tenantize(tenantizeProject(url, prisma), TABLES, FROM_CUSTOMER);
    const later = steps.filter(({ name }) => !/_(read|column)_/.test(name));
    for (const { directory, name } of later) await rename(directory, join(prisma, name));
    await applyMigrations(url, prisma);
    for (const { directory, name } of later) await rename(join(prisma, name), directory);
    await withClient(url, async (client) => {
      const end = async (what: string, how: string): Promise<void> => {
        const found = `FROM pg_stat_activity WHERE datname = '${database.name}' AND ${what}`;
        await until(what, async () => (await database.asSuperuser(`SELECT ${found}`)).length > 0);
        await database.asSuperuser(`SELECT ${how}(pid) ${found}`);
      };
      // Held, the row keeps the backfill waiting, and the index too.
      await client.query('BEGIN; UPDATE orders SET note = note WHERE id = 1');
      const backfill = refusal(applyMigrations(url, prisma));
      await until(
        'all other rows have a tenant',
        async () => (await database.asSuperuser('SELECT FROM orders WHERE tenant_id IS NULL')).length === 1,
      );
      await end("application_name LIKE 'tenantize %'", 'pg_terminate_backend');
      expect(await backfill).toMatch(/_tenantize_backfill_orders failed/);
      await client.query('COMMIT');

      // The session of a process that was killed: it holds Prisma's lock until somebody ends it.
      const orphan = withClient(url, async (killed) => {
        await killed.query("SET application_name = 'tenantize orders'; SELECT pg_advisory_lock(72707369)");
        await killed.query('SELECT pg_sleep(60)');
      });
      await until(
        'it is there',
        async () =>
          (await database.asSuperuser('SELECT FROM pg_locks WHERE objid = 72707369 AND granted')).length > 0,
      );
      const ended = expect(orphan).rejects.toThrow('terminating connection');
      const build = refusal(applyMigrations(url, prisma));
      await ended;
      // A snapshot that is older than the index.
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM customers');
      await end(
        "query LIKE '%CONCURRENTLY \"tenantize_orders_pkey\"%' AND wait_event_type = 'Lock'",
        'pg_cancel_backend',
      );
      expect(await build).toMatch(/_tenantize_key_orders_pkey failed/);
      await client.query('COMMIT');
    });
    const invalid = 'SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid';
    expect(await database.asSuperuser(invalid)).toEqual([{ name: 'tenantize_orders_pkey' }]);
    expect(await refusal(finishTenantize(tenantizeProject(url, prisma), TABLES))).toMatch(
      /not been applied as a whole: row-level security on orders, the index tenantize_orders_pkey, /,
    );
    expect((await applyMigrations(url, prisma)).at(-1)).toMatch(/_tenantize_isolate_order_lines$/);
    expect(await database.asSuperuser(invalid)).toEqual([]);
    expect(await database.asSuperuser('SELECT FROM orders WHERE tenant_id IS NULL')).toEqual([]);

    // Old code moves an order to a customer of another tenant.
    const [moved] = await database.asSuperuser(
      `UPDATE orders SET customer_id = c.id FROM customers c WHERE c.tenant_id <> orders.tenant_id AND orders.id = 1
       RETURNING orders.tenant_id = c.tenant_id AS follows`,
    );
    expect(moved).toEqual({ follows: true });
  });
});

describe('the rows', () => {
  let inUse: Shop;
  beforeAll(async () => {
    inUse = await makeShop();
  });

  it('all become one tenant’s, without one of them being written', async () => {
    const { database, prisma, url } = inUse;
    const address = 'SELECT max(ctid) AS last, pg_relation_filenode($1) AS file FROM orders';
    const before = await database.asSuperuser(address, ['orders']);
    const { steps } = await tenantize(tenantizeProject(url, prisma), TABLES, { tenant: 'acme' });
    expect(steps.some(({ name }) => /backfill|not_null/.test(name))).toBe(false);
    // What points across tenants is found by PostgreSQL: the shipments of globex are of orders that are now acme's.
    expect(await refusal(applyMigrations(url, prisma))).toMatch(
      /_validate_shipments_tenant_id_order_id_fkey failed: .*violates foreign key constraint/,
    );
    await database.asSuperuser(
      "UPDATE shipments SET tenant_id = (SELECT id FROM tenants WHERE slug = 'acme')",
    );
    await applyMigrations(url, prisma);
    expect(await database.asSuperuser(address, ['orders'])).toEqual(before);
    const acme = await database.tenantId('acme');
    await database.asSuperuser(
      `SET ROLE ${OLD_ROLE}; INSERT INTO orders (customer_id, number) VALUES (gen_random_uuid(), 'later'); RESET ROLE`,
    );
    expect(await database.asSuperuser('SELECT DISTINCT tenant_id FROM orders')).toEqual([
      { tenant_id: acme },
    ]);
    await undoTenantize(tenantizeProject(url, prisma), TABLES);
    for (const { directory } of steps) await rm(directory, { recursive: true });
  });

  it('that have no tenant stop the backfill, and are named', async () => {
    const { database, prisma, url } = inUse;
    await database.asSuperuser(
      "DELETE FROM customers WHERE tenant_id = (SELECT id FROM tenants WHERE slug = 'globex')",
    );
    const { steps } = await tenantize(tenantizeProject(url, prisma), TABLES, FROM_CUSTOMER);
    expect(await refusal(applyMigrations(url, prisma))).toMatch(
      /_backfill_orders failed: 301 row\(s\) of orders have no tenant, such as id \(\d+\), /,
    );
    // Old code still writes them.
    await database.asSuperuser(
      "INSERT INTO orders (customer_id, number) VALUES (gen_random_uuid(), 'orphan')",
    );
    await database.asSuperuser(
      'DELETE FROM orders WHERE tenant_id IS NULL AND NOT EXISTS (SELECT FROM shipments WHERE order_id = orders.id)',
    );
    await database.asSuperuser(
      'DELETE FROM shipments USING orders WHERE order_id = orders.id AND orders.tenant_id IS NULL',
    );
    await database.asSuperuser('DELETE FROM orders WHERE tenant_id IS NULL');
    await database.asSuperuser(
      'UPDATE shipments SET tenant_id = orders.tenant_id FROM orders WHERE orders.id = order_id',
    );
    expect((await applyMigrations(url, prisma)).length).toBe(steps.length - 4);
  });

  it('are read and written while a step waits for a long transaction', async () => {
    const { database, url } = inUse;
    const step = `CALL tenantry.patiently(ARRAY['orders']::regclass[], 'ALTER TABLE orders ADD COLUMN late text')`;
    await withClient(url, (long) =>
      withClient(url, async (migration) => {
        await long.query('BEGIN; SELECT FROM orders LIMIT 1');
        const done = migration.query(step);
        const waits = `SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' AND relation = 'orders'::regclass`;
        for (let attempt = 0; attempt < 3; attempt += 1) {
          await until('it waits', async () => (await database.asSuperuser(waits)).length > 0);
          await database.asSuperuser(
            "SET lock_timeout = '1s'; UPDATE orders SET note = note; RESET lock_timeout",
          );
          await until(
            'it lets others go first',
            async () => (await database.asSuperuser(waits)).length === 0,
          );
        }
        await long.query('COMMIT');
        await done;
      }),
    );
    expect(await database.asSuperuser('SELECT DISTINCT late FROM orders')).toEqual([{ late: null }]);
  });
});

describe('tables', () => {
  let unused: Shop;
  beforeAll(async () => {
    unused = await makeShop();
  });

  it('that cannot be converted as they are are refused, with what to do about it', async () => {
    const { url, prisma } = unused;
    const cases: readonly (readonly [sql: string, sentence: RegExp])[] = [
      ['ALTER TABLE orders OWNER TO postgres', /orders belongs to postgres/],
      ['ALTER TABLE orders ADD COLUMN tenant_id text', /orders has a column tenant_id of its own/],
      ['ALTER TABLE order_lines DROP CONSTRAINT order_lines_pkey CASCADE', /order_lines has no primary key/],
      ['ALTER TABLE orders ENABLE ROW LEVEL SECURITY', /orders has row-level security of its own/],
      ['CREATE POLICY mine ON orders USING (true)', /row-level security of its own \(mine\)/],
      [
        'ALTER TABLE orders ADD CONSTRAINT once EXCLUDE USING hash (number WITH =)',
        /\(once\) that is an exclusion/,
      ],
      ['ALTER TABLE orders ADD CONSTRAINT d UNIQUE (note) DEFERRABLE', /\(d\) that is deferrable/],
      [
        'ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_number_key',
        /orders_number_key\) that is the replica/,
      ],
      [
        'ALTER TABLE order_lines ADD FOREIGN KEY (replaces) REFERENCES order_lines (id) ON DELETE SET NULL',
        /that set columns/,
      ],
      [
        'ALTER TABLE order_lines ADD CONSTRAINT f FOREIGN KEY (order_id) REFERENCES orders (id) MATCH FULL',
        /MATCH FULL \(f/,
      ],
      ['CREATE RULE r AS ON DELETE TO orders DO INSTEAD NOTHING', /rewrite rules \(r\)/],
      [
        'CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM orders',
        /shown past row-level security by totals/,
      ],
      ['CREATE VIEW names AS SELECT number FROM orders', /shown past row-level security by names/],
      [
        'CREATE VIEW grouped AS SELECT id, note FROM orders GROUP BY id',
        /group by its primary key \(grouped\)/,
      ],
      ['GRANT SELECT ON orders TO PUBLIC', /orders is open to PUBLIC/],
      ['GRANT UPDATE (note) ON orders TO PUBLIC', /orders is open to PUBLIC/],
      [`GRANT ${OLD_ROLE} TO tenantry_app`, /of which tenantry_app is a member/],
      ['CREATE TABLE parts () INHERITS (orders)', /part of an inheritance/],
      [
        'CREATE TABLE returns (order_id bigint REFERENCES orders)',
        /tenantry tenantize orders order_lines returns/,
      ],
      [
        `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION f()`,
        /orders has triggers \(touch\)/,
      ],
    ];
    await withClient(url, async (client) => {
      const look = async (): Promise<string> => {
        const found = await readTables(client, TABLES);
        const tables = TABLES.map((name) => found.get(name)!);
        const near = await readTables(client, await neighboursOf(client, tables, ''));
        return refusals(tables, near, { filled: true, fireTriggers: false }).join('\n');
      };
      expect(await look()).toBe('');
      for (const [sql, sentence] of cases) {
        await client.query('BEGIN');
        await client.query(sql);
        expect(await look()).toMatch(sentence);
        await client.query('ROLLBACK');
      }
    });
    expect(await refusal(tenantize(tenantizeProject(url, prisma), ['orders'], { tenant: 'acme' }))).toContain(
      'tenantry tenantize orders order_lines',
    );
    expect(
      await refusal(tenantize(tenantizeProject(url, prisma), ['nothing'], { tenant: 'acme' })),
    ).toContain('There is no table nothing');
    expect(
      await refusal(tenantize(tenantizeProject(url, prisma), TABLES, { tenantExpression: 'customer' })),
    ).toContain('column "customer" does not exist');
    expect(await refusal(finishTenantize(tenantizeProject(url, prisma), TABLES))).toContain(
      'orders is not under way',
    );
    const { steps } = await tenantize(tenantizeProject(url, prisma), TABLES, { tenant: 'acme' });
    expect(await refusal(tenantize(tenantizeProject(url, prisma), TABLES, { tenant: 'acme' }))).toContain(
      'orders has migrations that tenantize it',
    );
    expect(await refusal(tenantize(tenantizeProject(url, prisma), TABLES, { tenant: 'nobody' }))).toContain(
      'There is no tenant nobody',
    );
    for (const { directory } of steps) await rm(directory, { recursive: true });
  });

  it('can be undone from every step, begun or not', async () => {
    const { database, prisma, url } = unused;
    const before = await catalogOf(database);
    const { steps } = await tenantize(tenantizeProject(url, prisma), TABLES, FROM_CUSTOMER);
    await withClient(url, async (client) => {
      await client.query('SET ROLE tenantry_owner');
      for (const { sql, down = '' } of steps) {
        const at = await catalogOf(database);
        if (down !== '') {
          await client.query(down);
          await client.query(sql);
          await client.query(down);
          expect(await catalogOf(database)).toEqual(at);
        }
        await client.query(sql);
      }
      for (const { down = '' } of steps.toReversed()) if (down !== '') await client.query(down);
    });
    expect(await catalogOf(database)).toEqual(before);

    // And by the command, with the history.
    await applyMigrations(url, prisma);
    expect(await refusal(undoTenantize(tenantizeProject(url, prisma), ['order_lines']))).toContain(
      'no migrations here',
    );
    expect(await undoTenantize(tenantizeProject(url, prisma), TABLES)).toEqual(
      steps.map(({ name }) => name).reverse(),
    );
    expect(await catalogOf(database)).toEqual(before);
    expect(await undoTenantize(tenantizeProject(url, prisma), TABLES)).toEqual([]);
    expect(await applyMigrations(url, prisma)).toEqual(steps.map(({ name }) => name));
  });
});

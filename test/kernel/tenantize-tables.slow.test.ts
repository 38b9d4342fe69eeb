/**
 * Proves what happens to the rows of a converted table, which tables are refused, and that every step can be undone.
 */
import { rm } from 'node:fs/promises';
import {
  finishTenantize,
  neighboursOf,
  readTables,
  refusals,
  tenantize,
  undoTenantize,
} from '@tenantry/tenantize';
import { beforeAll, describe, expect, it } from 'vitest';
import { tenantizeProject } from '../../src/cli/tenantize-project.js';
import { applyMigrations } from '../../src/kernel/database/migration/migrations.js';
import { withClient } from '../../src/kernel/database/owner-connection.js';
import { until } from '../support/until.js';
import { TABLES, FROM_CUSTOMER, type Shop, catalogOf, refusal, useShops } from '../support/shop.js';

const { OLD_ROLE, makeShop } = useShops();

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
    // PostgreSQL detects references across tenants: shipments of globex reference orders that now belong to acme.
    expect(await refusal(applyMigrations(url, prisma))).toMatch(
      /_validate_shipments_tenant_id_order_id_fkey failed: .*violates foreign key constraint/,
    );
    await database.asSuperuser(
      "UPDATE shipments SET tenant_id = (SELECT id FROM tenants WHERE slug = 'acme')",
    );
    await applyMigrations(url, prisma);
    expect(await database.asSuperuser(address, ['orders'])).toEqual(before);
    const acme = await database.tenantId('acme');
    await withClient(inUse.oldUrl, (client) =>
      client.query("INSERT INTO orders (customer_id, number) VALUES (gen_random_uuid(), 'later')"),
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
    // Old code can still write such rows.
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
            "SET lock_timeout = '20s'; UPDATE orders SET note = note; RESET lock_timeout",
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
      [
        'ALTER TABLE order_lines DROP CONSTRAINT order_lines_pkey CASCADE, ADD CONSTRAINT d PRIMARY KEY (id) DEFERRABLE',
        /\(d\) that is a deferrable primary key/,
      ],
      [
        'ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_number_key',
        /orders_number_key\) that is the replica/,
      ],
      [
        'ALTER TABLE order_lines ADD FOREIGN KEY (replaces) REFERENCES order_lines (id) ON UPDATE SET NULL',
        /that set columns ON UPDATE/,
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

    // The same with the command, which also changes the history.
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

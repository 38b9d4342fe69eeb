/** Databases of a shop in which some tables have tenants and some do not, and a role for code that knows no tenants. */
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TenantizeError } from '@tenantry/tenantize';
import { afterAll, beforeAll, expect } from 'vitest';
import { PRISMA_FOLDER } from '../../src/kernel/database/migration/folder.js';
import { MigrationError, applyMigrations } from '../../src/kernel/database/migration/migrations.js';
import { withClient } from '../../src/kernel/database/owner-connection.js';
import { createTestDatabase, type TestDatabase } from './database.js';

/**
 * The shop's tables. Customers and shipments have tenants; orders and their lines do not. With `born`, orders and lines
 * are created as tenant tables from the start.
 */
export const shop = (born: boolean): string => {
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
export const TABLES = ['orders', 'order_lines'];
export const FROM_CUSTOMER = {
  tenantExpression: '(SELECT c.tenant_id FROM customers c WHERE c.id = orders.customer_id)',
};

export interface Shop {
  readonly database: TestDatabase;
  readonly prisma: string;
  readonly url: string;
  /** Logs in as the role of old code: `SET ROLE` would keep the superuser as session_user. */
  readonly oldUrl: string;
}

/** The catalog's entries of the tables, one line each. */
export async function catalogOf(database: TestDatabase): Promise<string[]> {
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

/** The message of the error with which `work` is refused. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error instanceof MigrationError || error instanceof TenantizeError).toBe(true);
  return (error as Error).message;
}

/** Call it at the top level. */
export function useShops() {
  /**
   * The role of code that knows no tenants. Its name is unique, because roles belong to the server and not to a
   * database.
   */
  const OLD_ROLE = `tenantize_old_code_${randomBytes(6).toString('hex')}`;

  const undo: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (const step of undo.reverse()) await step();
  });

  async function newDatabase(): Promise<TestDatabase> {
    const database = await createTestDatabase();
    undo.push(() => database.drop());
    return database;
  }

  /**
   * Creates a database with tables that a migration creates, and the folder of its migrations.
   *
   * @param sql of the migration
   * @param first as the superuser, before the migration
   */
  async function makeDatabase(sql: string, first = ''): Promise<Shop> {
    const database = await newDatabase();
    await database.asSuperuser(first);
    const prisma = await mkdtemp(join(tmpdir(), 'tenantry-prisma-'));
    undo.push(() => rm(prisma, { recursive: true }));
    await cp(PRISMA_FOLDER, prisma, { recursive: true });
    await mkdir(join(prisma, 'migrations', '29990101000000_shop'));
    await writeFile(join(prisma, 'migrations', '29990101000000_shop', 'migration.sql'), sql);
    await applyMigrations(database.superuser, prisma);
    const oldUrl = Object.assign(new URL(database.superuser), {
      username: OLD_ROLE,
      password: OLD_ROLE,
    }).href;
    return { database, prisma, url: database.superuser, oldUrl };
  }

  /** Creates a database with the shop. */
  async function makeShop(): Promise<Shop> {
    const made = await makeDatabase(shop(false));
    await made.database.asSuperuser(`${ROWS};
    GRANT SELECT, INSERT, UPDATE, DELETE ON orders, order_lines TO ${OLD_ROLE};
    GRANT USAGE ON SEQUENCE orders_id_seq TO ${OLD_ROLE}`);
    return made;
  }

  beforeAll(() =>
    withClient(process.env['TENANTRY_TEST_POSTGRES'] ?? '', (client) =>
      client.query(`CREATE ROLE ${OLD_ROLE} LOGIN PASSWORD '${OLD_ROLE}'`),
    ),
  );
  // Dropped after the databases in which the role has privileges.
  undo.push(() =>
    withClient(process.env['TENANTRY_TEST_POSTGRES'] ?? '', (client) =>
      client.query(`DROP ROLE ${OLD_ROLE}`),
    ),
  );

  return { OLD_ROLE, newDatabase, makeDatabase, makeShop };
}

/**
 * Proves what a new migration contains, that it protects the tables it creates, and that models and migrations agree.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  applyMigrations,
  createMigration,
  schemaDrift,
} from '../../src/kernel/database/migration/migrations.js';
import {
  SUPERUSER,
  addMigration,
  withClient,
  query,
  refusal,
  ownNames,
  useMigratedDatabases,
} from '../support/migrated-databases.js';

const { newDatabase, prismaCopy } = useMigratedDatabases();

const INVOICE = `
/// An invoice, see https://example.test/invoices // model Fake { @@map("fake") }
model Invoice {
  tenantId  String   @default(dbgenerated("tenantry.current_tenant()")) @map("tenant_id") @db.Uuid
  id        String   @default(dbgenerated("tenantry.uuid_v7()")) @db.Uuid
  number    String   @default("{none}")
  lines     InvoiceLine[]
  tenant    Tenant   @relation(fields: [tenantId], references: [id], onDelete: Restrict, onUpdate: Restrict)

  @@id([tenantId, id])
  @@unique([tenantId, number])
  @@map("invoices")
}

model InvoiceLine {
  tenantId  String   @default(dbgenerated("tenantry.current_tenant()")) @map("tenant_id") @db.Uuid
  id        String   @default(dbgenerated("tenantry.uuid_v7()")) @db.Uuid
  invoiceId String   @map("invoice_id") @db.Uuid
  tenant    Tenant   @relation(fields: [tenantId], references: [id], onDelete: Restrict, onUpdate: Restrict)
  invoice   Invoice  @relation(fields: [tenantId, invoiceId], references: [tenantId, id], onDelete: Cascade, onUpdate: Restrict)

  @@id([tenantId, id])
}

/// @shared
model Currency {
  code String @id
  @@map("currencies")
}
`;

async function withInvoices(): Promise<string> {
  const prisma = await prismaCopy();
  await writeFile(join(prisma, 'billing.prisma'), INVOICE);
  const platform = join(prisma, 'platform.prisma');
  const text = await readFile(platform, 'utf8');
  await writeFile(
    platform,
    text.replace(/^model Tenant \{$/m, '$&\n  invoices Invoice[]\n  invoiceLines InvoiceLine[]'),
  );
  return prisma;
}

describe('createMigration', () => {
  it('has nothing to do while models and migrations agree', async () => {
    expect(await createMigration('nothing', SUPERUSER)).toBeUndefined();
  });

  it('protects the new tenant-scoped tables, shares the other, and applies', async () => {
    const prisma = await withInvoices();
    const migration = await createMigration('add_invoices', SUPERUSER, prisma);
    const { directory = '', sql = '' } = migration ?? {};

    expect(sql).toContain('CREATE TABLE "invoices"');
    expect(sql).toContain("SELECT tenantry.protect('invoices', 'Invoice');");
    expect(sql).toContain(`SELECT tenantry.protect('"InvoiceLine"', 'InvoiceLine');`);
    expect(sql).toContain("SELECT tenantry.share('currencies');");
    expect(sql).not.toContain("protect('currencies'");
    expect(sql.indexOf('ADD CONSTRAINT')).toBeLessThan(sql.indexOf('tenantry.protect'));
    expect(await readFile(join(directory, 'migration.sql'), 'utf8')).toBe(sql);

    const url = newDatabase();
    expect((await applyMigrations(url, prisma)).at(-1)).toBe(basename(directory));
    expect(
      await query(
        url,
        `SELECT relname, relrowsecurity AND relforcerowsecurity AS forced, tgargs::text <> '' AS audited
         FROM pg_class JOIN pg_trigger ON tgrelid = pg_class.oid AND tgname = 'audit'
         WHERE relname IN ('invoices', 'InvoiceLine', 'currencies') ORDER BY relname`,
      ),
    ).toEqual([
      { relname: 'InvoiceLine', forced: true, audited: true },
      { relname: 'invoices', forced: true, audited: true },
    ]);
    expect(await schemaDrift(url, prisma)).toBe('');
    expect(await createMigration('again', url, prisma)).toBeUndefined();
  });

  it('names the folder after the time and the label, after every existing one even where the clock is behind', async () => {
    const prisma = await withInvoices();
    await addMigration(prisma, '29991231235959_last', 'SELECT 1;');
    const ahead = await createMigration('add_invoices', SUPERUSER, prisma);
    expect(basename(ahead?.directory ?? '')).toBe('30000101000000_add_invoices');

    const ordinary = await createMigration('add_invoices', SUPERUSER, await withInvoices());
    expect(basename(ordinary?.directory ?? '')).toMatch(/^20\d{12}_add_invoices$/);
    expect(basename(ordinary?.directory ?? '') > ((await ownNames()).at(-1) ?? '')).toBe(true);
  });

  it('warns of what loses data', async () => {
    const prisma = await prismaCopy();
    const platform = join(prisma, 'platform.prisma');
    await writeFile(platform, (await readFile(platform, 'utf8')).replace(/^ {2}billingEmail .*\n/m, ''));
    const migration = await createMigration('drop_billing_email', SUPERUSER, prisma);
    expect(migration?.sql).toMatch(
      /^-- WARNING: this loses or rewrites data.*\n-- .*DROP COLUMN "billing_email"/,
    );
    expect(await schemaDrift(SUPERUSER, prisma)).toBe('');
  });

  it('refuses a name that could not be one, and models that are in error', async () => {
    for (const name of ['', 'Add', 'a-b', '../x', 'a b']) {
      expect(await refusal(createMigration(name, SUPERUSER))).toContain('consists of a-z, 0-9 and _');
    }
    const prisma = await prismaCopy();
    await writeFile(join(prisma, 'wrong.prisma'), 'model Wrong {\n  id Missing @id\n}\n');
    expect(await refusal(createMigration('wrong', SUPERUSER, prisma))).toBe(
      `${join(prisma, 'wrong.prisma')}:2 is in error: Type "Missing" is neither a built-in type, nor refers to another model, composite type, or enum.`,
    );
  });
});

describe('schemaDrift', () => {
  it('is nothing for the models and migrations of this repository', async () => {
    expect(await schemaDrift(SUPERUSER)).toBe('');
  });

  it('is the SQL that is missing', async () => {
    expect(await schemaDrift(SUPERUSER, await withInvoices())).toContain('CREATE TABLE "invoices"');
  });

  it('names the migration that does not run', async () => {
    const prisma = await prismaCopy();
    await addMigration(prisma, '29990101000000_broken', 'SELECT 1 / 0;');
    expect(await refusal(schemaDrift(SUPERUSER, prisma))).toContain(
      '29990101000000_broken failed: division by zero',
    );
  });
});

describe('tenantry.protect', () => {
  let url = '';

  beforeAll(async () => {
    url = newDatabase();
    await applyMigrations(url);
  });

  const KEY = 'PRIMARY KEY (tenant_id, id)';
  const TENANT = 'tenant_id uuid NOT NULL REFERENCES tenants (id)';

  it.each([
    ['has no tenant_id', 'CREATE TABLE t (id uuid PRIMARY KEY)', 't needs a column tenant_id uuid NOT NULL'],
    [
      'may leave tenant_id empty',
      'CREATE TABLE t (tenant_id uuid REFERENCES tenants (id), id uuid PRIMARY KEY)',
      't needs a column tenant_id uuid NOT NULL',
    ],
    [
      'has a tenant_id of another type',
      'CREATE TABLE t (tenant_id text NOT NULL, id uuid, PRIMARY KEY (tenant_id, id))',
      't needs a column tenant_id uuid NOT NULL',
    ],
    ['has no primary key', `CREATE TABLE t (${TENANT}, id uuid)`, 't needs a primary key (tenant_id, id)'],
    [
      'has a primary key without the tenant',
      `CREATE TABLE t (${TENANT}, id uuid PRIMARY KEY)`,
      'the unique key t_pkey of t must start with tenant_id',
    ],
    [
      'has a unique key that starts with something else',
      `CREATE TABLE t (${TENANT}, id uuid, slug text, ${KEY}, UNIQUE (slug, tenant_id))`,
      'the unique key t_slug_tenant_id_key of t must start with tenant_id',
    ],
    [
      'refers to a tenant’s row without the tenant',
      `CREATE TABLE other (${TENANT}, id uuid UNIQUE, ${KEY});
       CREATE TABLE t (${TENANT}, id uuid, other_id uuid REFERENCES other (id), ${KEY})`,
      'the foreign key t_other_id_fkey of t must carry tenant_id',
    ],
    [
      'pairs the tenant with another column',
      `CREATE TABLE other (${TENANT}, id uuid, ${KEY});
       CREATE TABLE t (${TENANT}, id uuid, x uuid, ${KEY}, FOREIGN KEY (x, tenant_id) REFERENCES other (tenant_id, id))`,
      'the foreign key t_x_tenant_id_fkey of t must carry tenant_id',
    ],
    [
      'does not refer to tenants',
      `CREATE TABLE t (tenant_id uuid NOT NULL, id uuid, ${KEY})`,
      't needs a foreign key from tenant_id to tenants',
    ],
    ['is a view', 'CREATE VIEW t AS SELECT 1 AS tenant_id', 't is not a table'],
  ])('refuses a table that %s', async (_reason, ddl, message) => {
    await withClient(url, async (client) => {
      await client.query('BEGIN');
      await client.query(ddl);
      await expect(client.query("SELECT tenantry.protect('t')")).rejects.toMatchObject({
        code: '42P16',
        message,
      });
    });
  });

  it('accepts a sound table, and accepts it again', async () => {
    await withClient(url, async (client) => {
      await client.query('BEGIN');
      await client.query(`CREATE TABLE line_items (${TENANT}, id uuid, ${KEY})`);
      await client.query("SELECT tenantry.protect('line_items')");
      await client.query("SELECT tenantry.protect('line_items')");
      const { rows } = await client.query(
        `SELECT polname, encode(tgargs, 'escape') AS arguments FROM pg_policy
         JOIN pg_trigger ON tgrelid = polrelid AND tgname = 'audit' WHERE polrelid = 'line_items'::regclass`,
      );
      expect(rows).toEqual([{ polname: 'tenant_isolation', arguments: 'LineItem\\000line_item\\000' }]);
      for (const [table, entity] of [
        ['"orderLine"', 'OrderLine'],
        ['"PRICE_LISTS"', 'PriceLists'],
        ['"Order-Items"', 'OrderItem'],
      ]) {
        await client.query(
          `CREATE TABLE ${table} (${TENANT}, id uuid, ${KEY}); SELECT tenantry.protect('${table}')`,
        );
        const named = await client.query<{ arguments: string }>(
          `SELECT encode(tgargs, 'escape') AS arguments FROM pg_trigger WHERE tgrelid = '${table}'::regclass AND tgname = 'audit'`,
        );
        expect(named.rows[0]?.arguments.split('\\')[0]).toBe(entity);
      }
    });
  });
});

/**
 * Proves that a new migration is tried as a whole before it is written: tables of tenants are protected whatever their
 * models contain, shared tables and views are declared, and what would leak is refused in words that say what to do.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { auditFindings } from '../../src/cli/audit-findings.js';
import {
  applyMigrations,
  createMigration,
  schemaDrift,
} from '../../src/kernel/database/migration/migrations.js';
import {
  addMigration,
  query,
  refusal,
  SUPERUSER,
  useMigratedDatabases,
  withClient,
} from '../support/migrated-databases.js';

const { newDatabase, prismaCopy } = useMigratedDatabases();

const TENANT = `
  tenantId String @default(dbgenerated("tenantry.current_tenant()")) @map("tenant_id") @db.Uuid
  id       String @default(dbgenerated("tenantry.uuid_v7()")) @db.Uuid
  tenant   Tenant @relation(fields: [tenantId], references: [id], onDelete: Restrict, onUpdate: Restrict)
`;
const INVOICE = `
model Invoice {${TENANT}
  number String
  paidAt DateTime? @map("paid_at")
  @@id([tenantId, id])
  @@unique([tenantId, number], map: "one_open", where: raw("paid_at IS NULL OR '}' = '{'"))
  @@map("invoices")
}
`;

/** A copy of prisma/ with these models, whose features are switched on. */
async function withModels(text: string, sides = ''): Promise<string> {
  const prisma = await prismaCopy();
  await writeFile(join(prisma, 'mine.prisma'), text);
  const change = async (file: string, from: RegExp | string, to: string): Promise<void> => {
    const path = join(prisma, file);
    await writeFile(path, (await readFile(path, 'utf8')).replace(from, to));
  };
  await change('platform.prisma', /^model Tenant \{$/m, `$&\n  ${sides}`);
  await change('schema.prisma', 'generator client {', '$&\n  previewFeatures = ["views", "partialIndexes"]');
  return prisma;
}

const create = (prisma: string) => createMigration('mine', SUPERUSER, prisma, { inspect: auditFindings });

describe('a new migration', { timeout: 300_000 }, () => {
  it('protects a table whose key has a condition', async () => {
    const prisma = await withModels(INVOICE, 'invoices Invoice[]');
    const { sql = '' } = (await create(prisma)) ?? {};
    expect(sql).toContain("SELECT tenantry.protect('invoices', 'Invoice');");
    expect(sql).not.toContain('WARNING');
  });

  it('is refused when a key would reach across tenants', async () => {
    const prisma = await withModels(INVOICE, 'invoices Invoice[]');
    await create(prisma);
    const file = join(prisma, 'mine.prisma');
    await writeFile(file, INVOICE.replace('number String', 'number String @unique'));
    expect(await refusal(create(prisma))).toMatch(
      /The migration is not written:\nthe unique key invoices_number_key of invoices must start with tenant_id\./,
    );
    await writeFile(
      file,
      INVOICE.replace('number String', 'number String\n  @@unique([tenantId, paidAt, number])'),
    );
    expect((await create(prisma))?.sql).toContain('CREATE UNIQUE INDEX');
  });

  it('is refused when the audit finds something new in what its statements leave', async () => {
    const prisma = await withModels(INVOICE, 'invoices Invoice[]');
    const open = () => Promise.resolve('CREATE POLICY everything ON invoices FOR SELECT USING (true);\n');
    expect(
      await refusal(createMigration('mine', SUPERUSER, prisma, { additions: open, inspect: auditFindings })),
    ).toMatch(/not written:\nT04 public.invoices.everything: /);
  });

  it('has only what a table lacks, when the models agree with the migrations', async () => {
    const prisma = await withModels(INVOICE, 'invoices Invoice[]');
    await create(prisma);
    const adding = (sql: string) =>
      createMigration('more', SUPERUSER, prisma, {
        additions: () => Promise.resolve(sql),
        inspect: auditFindings,
      });
    expect(await adding('')).toBeUndefined();
    expect((await adding("SELECT tenantry.publish('invoices');\n"))?.sql).toBe(
      "SELECT tenantry.publish('invoices');\n",
    );
  });

  it('points to tenantize when an existing table is to get a tenant', async () => {
    const prisma = await withModels(INVOICE, 'invoices Invoice[]');
    await addMigration(
      prisma,
      '29990101000000_old',
      'CREATE TABLE invoices (id uuid PRIMARY KEY, number text NOT NULL)',
    );
    expect(await refusal(create(prisma))).toContain(
      'npm run -s tenantry -- tenantize invoices --tenant SLUG',
    );
  });

  it('is refused for a table that belongs to nobody, with the line that declares it as shared', async () => {
    expect(await refusal(create(await withModels('model Country {\n  code String @id\n}\n')))).toMatch(
      /public\."Country" has no tenant_id: give the model Country a tenantId, or .* \/\/\/ @shared/,
    );
  });

  it('lets the server read what is declared as shared, and write what is declared as writable', async () => {
    const prisma = await withModels(`
      /// The countries of the world.
      /// @shared
      model Country {
        code   String @id
        number Int    @default(autoincrement())
      }
      /// @shared writable
      model Visit {
        id    Int   @id @default(autoincrement())
        zones Zone[]
      }
      /// @shared
      model Zone {
        name   String  @id
        visits Visit[]
      }
      /// @shared
      view Codes {
        code   String   @unique
        seenAt DateTime @map("seen_at") @db.Timestamptz(3)
        names  String[]
        @@map("codes")
      }
    `);
    const { sql = '' } = (await create(prisma)) ?? {};
    expect(sql).toContain(`SELECT tenantry.share('"Country"');`);
    expect(sql).toContain(`SELECT tenantry.share('"Visit"', writable => true);`);
    expect(sql).toContain(`SELECT tenantry.share('"_VisitToZone"');`);
    expect(sql).toContain('CREATE VIEW codes WITH (security_invoker = true) AS SELECT');
    expect(sql).toContain('NULL::timestamptz(3) AS seen_at');
    const url = newDatabase();
    await applyMigrations(url, prisma);
    expect(await schemaDrift(url, prisma)).toBe('');
    expect(await create(prisma)).toBeUndefined();
    await withClient(url, async (client) => {
      await client.query(`INSERT INTO "Country" (code) VALUES ('de')`);
      await client.query('SET ROLE tenantry_operator');
      await client.query(`INSERT INTO "Country" (code) VALUES ('fr')`);
      await client.query('SET ROLE tenantry_app');
      expect((await client.query('SELECT code FROM "Country" ORDER BY code')).rows).toEqual([
        { code: 'de' },
        { code: 'fr' },
      ]);
      await client.query('INSERT INTO "Visit" DEFAULT VALUES');
      expect((await client.query('SELECT * FROM codes')).rows).toEqual([]);
      for (const write of [
        `INSERT INTO "Country" (code) VALUES ('x')`,
        'UPDATE "Country" SET number = 1',
        'DELETE FROM "Country"',
      ]) {
        await expect(client.query(write)).rejects.toThrow('permission denied');
      }
    });
  });

  it('grants the use of another schema, and the sequence of a number', async () => {
    const prisma = await withModels('');
    const files = (await readdir(prisma)).filter((name) => name.endsWith('.prisma'));
    for (const name of files.filter((each) => each !== 'schema.prisma' && each !== 'mine.prisma')) {
      const text = await readFile(join(prisma, name), 'utf8');
      await writeFile(
        join(prisma, name),
        text.replace(/^((?:model|enum) [^]*?)^\}/gm, '$1\n  @@schema("public")\n}'),
      );
    }
    const settings = join(prisma, 'schema.prisma');
    await writeFile(
      settings,
      (await readFile(settings, 'utf8')).replace('datasource db {', '$&\n  schemas = ["public", "billing"]'),
    );
    const platform = join(prisma, 'platform.prisma');
    await writeFile(
      platform,
      (await readFile(platform, 'utf8')).replace(/^model Tenant \{$/m, '$&\n  bills Bill[]'),
    );
    await writeFile(
      join(prisma, 'mine.prisma'),
      `model Bill {${TENANT}
        count Int @default(autoincrement())
        @@id([tenantId, id])
        @@map("bills")
        @@schema("billing")
      }`,
    );
    const { sql = '' } = (await create(prisma)) ?? {};
    expect(sql).toContain("SELECT tenantry.protect('billing.bills', 'Bill');");
    const url = newDatabase();
    await applyMigrations(url, prisma);
    expect(
      await query(
        url,
        `SELECT has_schema_privilege('tenantry_app', 'billing', 'USAGE') AS schema,
                has_table_privilege('tenantry_app', 'billing.bills', 'INSERT') AS "table",
                has_sequence_privilege('tenantry_app', 'billing.bills_count_seq', 'USAGE') AS sequence`,
      ),
    ).toEqual([{ schema: true, table: true, sequence: true }]);
  });
});

describe('tenantry.share', () => {
  it.each([
    ['has a tenant', 'CREATE TABLE t (tenant_id uuid)', 't has a tenant_id'],
    [
      'refers to a tenant',
      'CREATE TABLE t (owner uuid REFERENCES tenants)',
      'the foreign key t_owner_fkey of t refers',
    ],
    [
      'is a view with the rights of its owner',
      'CREATE VIEW t AS SELECT 1',
      'the view t reads with the rights of its owner',
    ],
    ['is a copy', 'CREATE MATERIALIZED VIEW t AS SELECT 1', 't is neither a table nor a view'],
  ])('refuses what %s', async (_what, ddl, message) => {
    const url = newDatabase();
    await applyMigrations(url);
    await withClient(url, async (client) => {
      await client.query(ddl);
      await expect(client.query("SELECT tenantry.share('t')")).rejects.toThrow(message);
    });
  });
});

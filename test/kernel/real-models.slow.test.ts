/**
 * Proves that `migration new` makes tables of the shapes that real databases have: they satisfy the conditions of
 * `tenantry.protect`, the audit finds nothing new in them, and the models agree with what was made.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { auditFindings } from '../../src/cli/audit-findings.js';
import {
  applyMigrations,
  createMigration,
  schemaDrift,
} from '../../src/kernel/database/migration/migrations.js';
import { wrongTables } from '../../src/kernel/database/migration/scratch.js';
import {
  addMigration,
  query,
  SUPERUSER,
  useMigratedDatabases,
  withClient,
} from '../support/migrated-databases.js';

const { newDatabase, prismaCopy } = useMigratedDatabases();

const TENANT = `
  tenantId String @default(dbgenerated("tenantry.current_tenant()")) @map("tenant_id") @db.Uuid
  tenant   Tenant @relation(fields: [tenantId], references: [id], onDelete: Restrict, onUpdate: Restrict)
`;
const LONG = 'long_'.repeat(12);

interface Shape {
  readonly models: string;
  /** The other sides of the relations of the tenant. */
  readonly sides: string;
  /** A migration before, for what Prisma does not make. */
  readonly sql?: string;
  readonly table: string;
}

const SHAPES: Readonly<Record<string, Shape>> = {
  'quoted and reserved names': {
    models: `model Detail {${TENANT}
      order Int    @map("Order Id")
      line  Int    @map("Line No.")
      text  String @map("select")
      @@id([tenantId, order, line])
      @@unique([tenantId, text])
      @@map("Order Details")
    }`,
    sides: 'details Detail[]',
    table: '"Order Details"',
  },
  'names that are cut': {
    models: `model Long {${TENANT}
      id   BigInt @map("${'id_'.repeat(20)}")
      code String @map("${'code_'.repeat(12)}")
      sort String @map("${'sort_'.repeat(12)}")
      @@id([tenantId, id])
      @@unique([tenantId, code])
      @@unique([tenantId, sort], map: "long_sort")
      @@map("${LONG}")
    }`,
    sides: 'longs Long[]',
    table: LONG,
  },
  'composite and self-referencing keys': {
    models: `model Area {${TENANT}
      country String
      code    String
      parent  String?
      above   Area?  @relation("above", fields: [tenantId, country, parent], references: [tenantId, country, code], onDelete: Restrict, onUpdate: Restrict)
      below   Area[] @relation("above")
      @@id([tenantId, country, code])
      @@map("areas")
    }`,
    sides: 'areas Area[]',
    table: 'areas',
  },
  'enums, arrays, numbers and moments': {
    models: `enum Mood {
      good
      bad
    }
    model Day {${TENANT}
      id     BigInt   @default(autoincrement())
      mood   Mood
      tags   String[]
      amount Decimal  @db.Decimal(12, 2)
      facts  Json     @default("{}")
      at     DateTime @default(now()) @db.Timestamptz(3)
      @@id([tenantId, id])
      @@map("days")
    }`,
    sides: 'days Day[]',
    table: 'days',
  },
  'types of extensions': {
    sql: 'CREATE EXTENSION citext; CREATE EXTENSION hstore;',
    models: `model Person {${TENANT}
      id    String @default(dbgenerated("tenantry.uuid_v7()")) @db.Uuid
      mail  String @db.Citext
      facts Unsupported("hstore")?
      @@id([tenantId, id])
      @@unique([tenantId, mail])
      @@map("people")
    }`,
    sides: 'people Person[]',
    table: 'people',
  },
};

describe('migration new', { timeout: 300_000 }, () => {
  it.each(Object.entries(SHAPES))('makes %s', async (_name, { models, sides, sql, table }) => {
    const prisma = await prismaCopy();
    if (sql !== undefined) await addMigration(prisma, '29990101000000_before', sql);
    const url = newDatabase();
    await applyMigrations(url, prisma);
    const known = await auditFindings(url);

    await writeFile(join(prisma, 'mine.prisma'), models);
    const platform = join(prisma, 'platform.prisma');
    const text = await readFile(platform, 'utf8');
    await writeFile(platform, text.replace(/^model Tenant \{$/m, `$&\n  ${sides}`));
    const made = await createMigration('mine', SUPERUSER, prisma, { inspect: auditFindings });
    expect(made?.sql).not.toContain('WARNING');
    await applyMigrations(url, prisma);

    expect(await withClient(url, (client) => wrongTables(client, []))).toEqual([]);
    const found = [...(await auditFindings(url))].filter(([key]) => !known.has(key)).map(([, each]) => each);
    expect(found).toEqual([]);
    expect(await schemaDrift(url, prisma)).toBe('');
    expect(
      await query(
        url,
        `SELECT relrowsecurity AND relforcerowsecurity AS forced FROM pg_class WHERE oid = '${table}'::regclass`,
      ),
    ).toEqual([{ forced: true }]);
  });
});

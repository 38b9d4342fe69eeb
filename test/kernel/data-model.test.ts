/**
 * Proves what the generator writes for a Prisma schema when Prisma's own command runs it, and what the server derives
 * from that.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { scopedModels, type ScopedModel } from '../../src/kernel/tenancy/data-model.js';
import { ForeignTenantError, TenantFilter } from '../../src/kernel/tenancy/tenant-filter.js';
import type { ModelInfo } from '../../src/kernel/vocabulary/data-model.js';

const repository = fileURLToPath(new URL('../..', import.meta.url));

const SCHEMA = `
  datasource db {
    provider = "postgresql"
  }
  generator data_model {
    provider = "node --import tsx scripts/data-model-generator.ts"
    output   = "data-model.ts"
  }
  enum Colour {
    RED
    GREEN
  }
  enum Shade {
    LIGHT
    DARK @map("dark")
  }
  model Thing {
    tenantId  String    @default(dbgenerated("tenantry.current_tenant()")) @map("tenant_id") @db.Uuid
    id        String    @default(uuid()) @db.Uuid
    number    Int       @default(autoincrement())
    colour    Colour    @default(RED)
    colours   Colour[]
    shade     Shade?
    code      String    @unique // @default(now())
    tags      String[]
    note      String?
    createdAt DateTime  @default(now()) @map("created_at")
    updatedAt DateTime  @updatedAt
    parentId  String?   @db.Uuid
    parent    Thing?    @relation("family", fields: [tenantId, parentId], references: [tenantId, id])
    children  Thing[]   @relation("family")
    @@id([tenantId, id])
    @@unique([tenantId, number])
    @@unique([tenantId, colour], name: "by_colour")
    @@map("many \\"things\\"")
  }`;

async function generated(): Promise<readonly ScopedModel[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-data-model-'));
  try {
    await writeFile(join(folder, 'schema.prisma'), SCHEMA);
    const arguments_ = ['node_modules/.bin/prisma', 'generate', '--schema', join(folder, 'schema.prisma')];
    await promisify(execFile)(process.execPath, arguments_, { cwd: repository });
    const { MODELS } = (await import(join(folder, 'data-model.ts'))) as {
      MODELS: Readonly<Record<string, ModelInfo>>;
    };
    return [...scopedModels(MODELS).values()];
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('columns, defaults, relations and keys of a Prisma schema are known', async () => {
  const [model, ...others] = await generated();
  expect(others).toEqual([]);
  expect(model).toMatchObject({ name: 'Thing', table: '"public"."many ""things"""' });
  const columns = [...model!.columns.values()].map(({ field, column, type, byDefault, isNullable }) =>
    [field, column, type, byDefault, isNullable].join(' '),
  );
  expect(columns).toEqual([
    'tenantId tenant_id String database false',
    'id id String prisma false',
    'number number Int database false',
    'colour colour Colour database false',
    'colours colours Colour[] database false',
    'shade shade Shade database true',
    'code code String prisma false',
    'tags tags String[] database false',
    'note note String database true',
    'createdAt created_at DateTime time false',
    'updatedAt updatedAt DateTime time false',
    'parentId parentId String database true',
  ]);
  // Prisma converts the values of the others.
  const known = [...model!.columns.values()].filter(({ values }) => values);
  expect(known.map(({ field, values }) => [field, ...values!])).toEqual([['colour', 'RED', 'GREEN']]);
  expect([...model!.relations]).toEqual([
    ['parent', 'Thing'],
    ['children', 'Thing'],
  ]);
  expect([...model!.keys]).toEqual([
    ['code', ['code']],
    ['tenantId_id', ['tenantId', 'id']],
    ['tenantId_number', ['tenantId', 'number']],
  ]);
});

const LINE_ITEM: ModelInfo = {
  schema: 'public',
  table: 'many "things"',
  fields: {
    tenantId: { type: 'String', column: 'tenant_id', byDefault: 'database' },
    id: { type: 'String', column: 'id', byDefault: 'database' },
    parent: { type: 'Thing', relation: { fields: [], references: [] } },
  },
  keys: [{ fields: ['tenantId', 'id'] }],
  indexes: [],
};

test('names of the database are quoted, and a key has the name that Prisma gives it', () => {
  const model = scopedModels({ LineItem: LINE_ITEM }).get('LineItem');
  expect(model).toMatchObject({
    property: 'lineItem',
    tenantField: 'tenantId',
    table: '"public"."many ""things"""',
    tableName: 'many "things"',
    allColumns: '"tenant_id" AS "tenantId", "id"',
  });
  expect([...model!.keys]).toEqual([['tenantId_id', ['tenantId', 'id']]]);
  expect([...model!.relations]).toEqual([['parent', 'Thing']]);
});

test('a model without a tenant is refused', () => {
  const { id } = LINE_ITEM.fields;
  expect(() => scopedModels({ LineItem: { ...LINE_ITEM, fields: { id: id! } } })).toThrow(
    'The model LineItem has no tenantId',
  );
});

describe('a model that all tenants share', () => {
  const { id } = LINE_ITEM.fields;
  const models = scopedModels({
    Item: {
      ...LINE_ITEM,
      table: 'items',
      fields: { ...LINE_ITEM.fields, unit: { type: 'Unit', relation: { fields: [], references: [] } } },
    },
    Unit: {
      ...LINE_ITEM,
      table: 'units',
      shared: 'readable',
      fields: { id: id!, items: { type: 'Item', relation: { fields: [], references: [] } } },
    },
  });
  const filter = new TenantFilter(models, 'acme');
  const unit = models.get('Unit')!;
  const item = models.get('Item')!;

  test('is read as it is, also from a row of the tenant', () => {
    expect(filter.apply(unit, 'findMany', { where: { id: 'kg' } })).toEqual({ where: { id: 'kg' } });
    expect(filter.apply(item, 'findMany', { include: { unit: true } })).toEqual({
      include: { unit: true },
      where: { tenantId: 'acme' },
    });
  });

  test.each([
    ['findMany', { include: { items: true } }],
    ['findMany', { select: { id: true, items: { select: { id: true } } } }],
    ['findMany', { where: { OR: [{ items: { some: {} } }] } }],
    ['findMany', { orderBy: { items: { _count: 'asc' } } }],
    ['findMany', { include: { _count: true } }],
    ['update', { where: { id: 'kg' }, data: { items: { create: {} } } }],
  ] as const)('does not lead to the rows of tenants: %s %j', (operation, args) => {
    expect(() => filter.apply(unit, operation, args)).toThrow(ForeignTenantError);
    if (operation === 'findMany') {
      const { where = {}, ...chosen } = { where: undefined, ...args };
      expect(() =>
        filter.apply(item, 'findMany', { where: { unit: where }, include: { unit: chosen } }),
      ).toThrow(ForeignTenantError);
    }
  });
});

test('of the installed models each is known by its name', () => {
  expect([...scopedModels().keys()]).toEqual(expect.arrayContaining(['Tenant', 'Membership', 'AuditEntry']));
});

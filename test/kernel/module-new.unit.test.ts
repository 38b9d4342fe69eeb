/**
 * Proves what `tenantry module new` writes for a model: a valid schema with guards everywhere, and the other sides of
 * relations.
 */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { buildSchema, isInputObjectType, isObjectType, type GraphQLType } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { viewOf } from '../../src/cli/module/contract.js';
import { printIndex, printSeed, printTest } from '../../src/cli/module/other-code.js';
import { planModule, type ModulePlan } from '../../src/cli/module/plan.js';
import { FileChanges } from '../../src/cli/module/file-changes.js';
import { addOtherSides, findModel } from '../../src/cli/module/prisma-files.js';
import { printResolvers } from '../../src/cli/module/resolver-code.js';
import { printSdl } from '../../src/cli/module/sdl.js';
import { namesSecret } from '../../src/kernel/access/secret-names.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import { kindOf } from '../../src/kernel/graphql/sort-key.js';
import { changesOf } from '../../src/services/subscriptions/changes-of.js';
import type { FieldInfo, ModelInfo } from '../../src/kernel/vocabulary/data-model.js';

const uuid = (column: string, more: Partial<FieldInfo> = {}): FieldInfo => ({
  type: 'String',
  column,
  native: ['Uuid'],
  ...more,
});

const INVOICE: ModelInfo = {
  schema: 'public',
  table: 'sales_invoices',
  keys: [{ fields: ['tenantId', 'id'] }, { fields: ['tenantId', 'number'] }],
  indexes: [
    ['tenantId', 'cents', 'id'],
    ['tenantId', 'paidAt', 'id'],
    ['tenantId', 'status', 'id'],
  ],
  fields: {
    tenantId: uuid('tenant_id', { byDefault: 'database' }),
    id: uuid('id', { byDefault: 'database' }),
    number: { type: 'String', column: 'number', native: ['VarChar', '40'], documentation: 'As "printed".' },
    cents: { type: 'BigInt', column: 'cents' },
    status: { type: 'InvoiceStatus', column: 'status', isEnum: true, byDefault: 'value' },
    paidAt: { type: 'DateTime', column: 'paid_at', isNullable: true, native: ['Timestamptz', '3'] },
    customerId: uuid('customer_id'),
    customer: {
      type: 'Customer',
      relation: { fields: ['tenantId', 'customerId'], references: ['tenantId', 'id'] },
    },
    tags: { type: 'String', column: 'tags', isList: true },
    apiToken: { type: 'String', column: 'api_token' },
    picture: { type: 'Bytes', column: 'picture' },
    createdBy: { type: 'String', column: 'created_by' },
    version: { type: 'Int', column: 'version', byDefault: 'value' },
  },
};
const CUSTOMER: ModelInfo = {
  schema: 'public',
  table: 'customers',
  keys: [{ fields: ['tenantId', 'id'] }],
  indexes: [],
  fields: {
    tenantId: uuid('tenant_id'),
    id: uuid('id'),
    salesInvoices: { type: 'Invoice', isList: true, relation: { fields: [], references: [] } },
  },
};

const CUSTOMERS = `
  extend enum Permission { CUSTOMERS_READ }
  type Customer implements Node @requires(permission: CUSTOMERS_READ) { id: ID! }
  extend type Query { customer: Customer @requires(permission: CUSTOMERS_READ) }
  type Mutation { nothing: Boolean @authenticated }
`;
const customers = defineModule({
  name: 'customer',
  typeDefs: CUSTOMERS,
  resolvers: {},
  nodes: { Customer: () => Promise.resolve([]) },
  permissions: { 'customers:read': ['owner'] },
});

const plan = (
  models: Readonly<Record<string, ModelInfo>> = { Invoice: INVOICE, Customer: CUSTOMER },
): ModulePlan =>
  planModule({
    model: 'Invoice',
    area: 'sales',
    models,
    enums: { InvoiceStatus: ['OPEN', 'PAID'] },
    contract: viewOf(buildSchema(printSchemaWithDirectives(buildApi([customers]).schema))),
    kindOf,
    namesSecret,
  });

describe('the schema', () => {
  const api = buildApi([
    customers,
    defineModule({
      name: 'invoice',
      typeDefs: printSdl(plan()),
      resolvers: {
        Subscription: { invoiceChanged: changesOf('Invoice', { payload: () => null }) },
      } as object,
      nodes: { Invoice: () => Promise.resolve([]) },
      permissions: { 'sales_invoices:read': ['owner'], 'sales_invoices:write': ['owner'] },
    }),
  ]);
  const fieldsOf = (name: string): Record<string, string> => {
    const type = api.schema.getType(name);
    if (isObjectType(type)) return typesOf(Object.values(type.getFields()));
    if (isInputObjectType(type)) return typesOf(Object.values(type.getFields()));
    throw new Error(`there is no type ${name}`);
  };
  const typesOf = (fields: readonly { readonly name: string; readonly type: object }[]) =>
    Object.fromEntries(fields.map(({ name, type }) => [name, (type as GraphQLType).toString()]));

  test('shows the columns, but for the tenant, secrets and what has no type', () => {
    expect(fieldsOf('Invoice')).toEqual({
      id: 'ID!',
      number: 'String!',
      cents: 'BigInt!',
      status: 'InvoiceStatus!',
      paidAt: 'DateTime',
      customerId: 'ID!',
      tags: '[String!]!',
      createdBy: 'ID!',
      version: 'Int!',
      customer: 'Customer',
    });
    expect(plan().leftOut).toEqual([
      'apiToken: its name speaks of a secret',
      'picture: the API has no type for Bytes',
    ]);
  });

  test('takes what a caller may choose', () => {
    const given = {
      number: 'String',
      cents: 'BigInt',
      status: 'InvoiceStatus',
      paidAt: 'DateTime',
      customerId: 'ID',
    };
    const tags = { tags: '[String!]' };
    expect(fieldsOf('CreateInvoiceInput')).toEqual({
      ...given,
      ...tags,
      number: 'String!',
      cents: 'BigInt!',
      customerId: 'ID!',
    });
    expect(fieldsOf('UpdateInvoiceInput')).toEqual({ id: 'ID!', ...given, ...tags, expectedVersion: 'Int' });
  });

  test('has ids that carry their type, its own and those of what it refers to', () => {
    const sdl = printSdl(plan());
    expect(sdl).toContain('type Invoice implements Node');
    expect(sdl).toContain('invoice(id: ID! @id(of: "Invoice"))');
    expect(sdl.match(/customerId: ID!? @id\(of: "Customer"\)/g)).toHaveLength(4);
    expect(sdl).not.toMatch(/createdBy: ID!? @id/);
    expect(fieldsOf('InvoiceChange')).toEqual({
      kind: 'ChangeKind!',
      invoiceId: 'ID!',
      invoice: 'Invoice',
      deletedId: 'ID',
    });
  });

  test('orders by what has an index and a cursor can hold', () => {
    expect(api.schema.getType('InvoiceOrderField')?.astNode).toMatchObject({
      values: [{ name: { value: 'NUMBER' } }, { name: { value: 'CENTS' } }],
    });
  });

  test('is described, with the documentation of the Prisma models where there is one', () => {
    const left = api.undescribed.filter(
      (coordinate) => !/Customer|customer|Mutation.nothing/.test(coordinate),
    );
    expect(left).toEqual([]);
    const type = api.schema.getType('Invoice');
    const texts = isObjectType(type) ? type.getFields() : {};
    expect(texts['number']?.description).toMatch(/^As "printed"\./);
    expect(texts['paidAt']?.description).toMatch(/^When it was paid\./);
    expect(texts['cents']?.description).toMatch(/^The cents of the invoice\./);
    expect(api.schema.getMutationType()?.getFields()['updateInvoice']?.description).toContain(
      'Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`, `CONFLICT`.',
    );
  });

  test.each([
    ['dueOn', 'Date', 'The day it is due.'],
    ['endsOn', 'Date', 'When it ends.'],
    ['expiresAt', 'DateTime', 'When it expires.'],
    ['validUntil', 'DateTime', 'Until when it is valid.'],
    ['approvedBy', 'String', 'By whom it was approved.'],
    ['isPaid', 'Boolean', 'Whether it is paid.'],
    ['paid', 'Boolean', 'Whether it is paid.'],
    ['ledgerId', 'Uuid', 'The id of the ledger.'],
    ['season', 'String', 'The season of the invoice.'],
  ])('describes %s, a %s: %s', (name, type, description) => {
    const info = {
      ...(type === 'Date' ? { type: 'DateTime', native: ['Date'] } : { type }),
      ...(type === 'Uuid' && { type: 'String', native: ['Uuid'] }),
      column: name,
    };
    const invoice = { ...INVOICE, fields: { ...INVOICE.fields, [name]: info } };
    expect(printSdl(plan({ Invoice: invoice, Customer: CUSTOMER }))).toContain(
      `${JSON.stringify(description)}\n${name}:`,
    );
  });

  test('has UUIDs where a column refers to what is no object of the API', () => {
    const ledger = { ...CUSTOMER, table: 'ledgers' };
    const relation = { fields: ['tenantId', 'ledgerId'], references: ['tenantId', 'id'] };
    const fields = { ...INVOICE.fields, ledgerId: uuid('ledger_id'), ledger: { type: 'Ledger', relation } };
    const models = { Invoice: { ...INVOICE, fields }, Customer: CUSTOMER, Ledger: ledger };
    expect(printSdl(plan(models)).match(/ledgerId: UUID\b/g)).toHaveLength(4);
  });

  test('demands a permission everywhere, and that of a type on the way to it', () => {
    expect(api.guards.get('Query.salesInvoices')).toBe('sales_invoices:read');
    expect(api.guards.get('Mutation.deleteInvoice')).toBe('sales_invoices:write');
    expect(api.guards.get('Invoice.customer')).toBe('customers:read');
    expect(api.guards.get('Customer.salesInvoices')).toBe('sales_invoices:read');
  });
});

test('the code has the names of the model', () => {
  expect(printResolvers(plan())).toContain("CENTS: sortBy('Invoice', 'cents')");
  expect(printResolvers(plan())).toContain('createdBy: viewer.userId');
  expect(printResolvers(plan())).toContain("childList<Invoice>('Invoice', 'customerId', NEWEST_FIRST)");
  expect(printIndex(plan())).toContain("'sales_invoices:read': ['owner'");
  expect(printTest(plan())).toContain("customer: 'customers:read'");
  expect(printSeed(plan())).toContain('what they point at has to be made first');
});

test('a model with a quota declares it, and says which error it brings', () => {
  const limited = { ...plan(), hasQuota: true };
  expect(printIndex(limited)).toContain("quotas: { salesInvoices: 'Invoice' }");
  expect(printSdl(limited)).toContain(
    '@errors(codes: [BAD_USER_INPUT, NOT_FOUND, QUOTA_EXCEEDED, CONFLICT])',
  );
  expect(printIndex(plan()) + printSdl(plan())).not.toMatch(/quota/i);
});

test.each<[string, Readonly<Record<string, ModelInfo>>, string]>([
  ['that is not there', {}, 'There is no model Invoice.'],
  [
    'whose key lacks the tenant',
    { Invoice: { ...INVOICE, keys: [{ fields: ['id'] }] } },
    'Invoice is no model of a tenant’s: it needs tenantId and id of type @db.Uuid and @@id([tenantId, id]) (docs/add-a-model.md).',
  ],
])('a model %s is refused', (_what, models, message) => {
  expect(() => plan(models)).toThrow(message);
});

test('what the API demands is read from a contract that was printed', () => {
  const view = viewOf(
    buildSchema(`
      directive @requires(permission: Permission!) on OBJECT
      enum Permission { A_READ }
      type A @requires(permission: A_READ) { id: ID! }
      type B { id: ID! }
      type Query { a: A }
    `),
  );
  expect(view.guardOf('A')).toBe('@requires(permission: A_READ)');
  expect(view.guardOf('B')).toBe('');
  expect(view.guardOf('C')).toBeUndefined();
});

describe('the Prisma models', () => {
  let folder: string;
  const file = () => join(folder, 'base.prisma');
  const BASE = 'model Tenant {\n  id   String @id\n  name String\n\n  @@map("tenants")\n}\n';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenantry-models-'));
    await mkdir(folder, { recursive: true });
    await writeFile(file(), BASE);
    await writeFile(
      join(folder, 'sales.prisma'),
      'model Invoice {\n  id String @id\n\n  tenant Tenant @relation(fields: [tenantId], references: [id])\n}\n',
    );
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('get the other side of each relation, once, and lose it when something fails later', async () => {
    expect((await findModel(folder, 'Invoice')).area).toBe('sales');
    const changes = new FileChanges();
    expect(await addOtherSides(folder, 'Invoice', 'invoices', changes)).toEqual(['Tenant.invoices']);
    expect(await readFile(file(), 'utf8')).toBe(
      BASE.replace('name String\n', 'name String\n  invoices Invoice[]\n'),
    );
    expect(await addOtherSides(folder, 'Invoice', 'invoices', changes)).toEqual([]);
    await changes.write(join(folder, 'new', 'file.ts'), 'new');
    await mkdir(join(folder, 'migration'));
    await writeFile(join(folder, 'migration', 'migration.sql'), '');
    changes.created(join(folder, 'migration'));
    await changes.undo();
    expect(await readFile(file(), 'utf8')).toBe(BASE);
    expect(await readdir(join(folder, 'new'))).toEqual([]);
    expect(await readdir(folder)).not.toContain('migration');
  });

  test('a model that no file has is refused', async () => {
    await expect(findModel(folder, 'Nothing')).rejects.toThrow('No file in prisma/ has a model Nothing');
  });
});

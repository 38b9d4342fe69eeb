/**
 * Proves what `tenantry module new` writes for a model: a valid schema with guards everywhere, and code that fits its columns.
 */
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { buildSchema, isInputObjectType, isObjectType, type GraphQLType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { viewOf } from '../../src/cli/module/contract.js';
import { printIndex, printSeed, printTest } from '../../src/cli/module/other-code.js';
import { planModule, type ModulePlan, type PlanInput } from '../../src/cli/module/plan.js';
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
  options: Partial<PlanInput> = {},
): ModulePlan =>
  planModule({
    model: 'Invoice',
    area: 'sales',
    models,
    enums: { InvoiceStatus: ['OPEN', 'PAID'] },
    contract: viewOf(buildSchema(printSchemaWithDirectives(buildApi([customers]).schema))),
    kindOf,
    namesSecret,
    ...options,
  });

describe('the schema', () => {
  // As an object of any form: whether the generated types know the field depends on the installed modules.
  const resolvers: object = {
    Subscription: { invoiceChanged: changesOf('Invoice', { payload: () => null }) },
  };
  const api = buildApi([
    customers,
    defineModule({
      name: 'invoice',
      typeDefs: printSdl(plan()),
      resolvers,
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
      'apiToken: its name speaks of a secret; createInvoice has to set it',
      'picture: the API has no type for Bytes; createInvoice has to set it',
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
    const written = plan(models, { without: ['Ledger'] });
    expect(printSdl(written).match(/ledgerId: UUID\b/g)).toHaveLength(4);
    expect(written.leftOut).toContain('ledger: the API has no type Ledger');
    expect(() => plan(models)).toThrow(
      'Invoice refers to Ledger, which has no type in the API yet. Write its module first: npm run -s tenantry -- module new Ledger',
    );
    const shared = { ...ledger, shared: 'readable', keys: [] } as const;
    expect(plan({ ...models, Ledger: shared }).leftOut).toContain('ledger: the API has no type Ledger');
  });

  test('has the list of the other side under its name in the Prisma models, or says why not', () => {
    const list = { type: 'Invoice', isList: true, relation: { fields: [], references: [] } };
    const customerWith = (more: ModelInfo['fields']) => ({
      ...CUSTOMER,
      fields: { tenantId: uuid('tenant_id'), id: uuid('id'), ...more },
    });
    const own = plan({ Invoice: INVOICE, Customer: customerWith({ bills: list }) });
    expect(printSdl(own)).toMatch(/extend type Customer \{\s+"The newest first."\s+bills\(/);
    expect(printResolvers(own)).toContain("bills: childList<Invoice>('Invoice', 'customerId', NEWEST_FIRST)");
    expect(printTest(own)).toContain('Customer: { bills: read }');
    for (const [more, reason] of [
      [
        { bills: list, refunds: list },
        'Customer.bills and refunds: more than one relation of Invoice leads to it',
      ],
      [{ bill: { ...list, isList: false } }, 'Customer.bill: it is one row at most'],
      [{ id: list }, 'Customer.id: the type has such a field already'],
    ] as const) {
      const without = plan({ Invoice: INVOICE, Customer: customerWith(more) });
      expect(without.leftOut).toContain(reason);
      expect(printSdl(without)).not.toContain('extend type Customer');
    }
  });

  test('has ids and a list where a model refers to itself', () => {
    const fields = {
      ...INVOICE.fields,
      correctedId: uuid('corrected_id', { isNullable: true }),
      corrected: {
        type: 'Invoice',
        isNullable: true,
        relation: { fields: ['tenantId', 'correctedId'], references: ['tenantId', 'id'] },
      },
      corrections: { type: 'Invoice', isList: true, relation: { fields: [], references: [] } },
    };
    const written = plan({ Invoice: { ...INVOICE, fields }, Customer: CUSTOMER });
    const sdl = printSdl(written);
    expect(sdl.match(/correctedId: ID @id\(of: "Invoice"\)/g)).toHaveLength(4);
    expect(sdl).toContain('corrected: Invoice @requires(permission: SALES_INVOICES_READ)');
    expect(sdl).toMatch(/extend type Invoice \{\s+"The newest first."\s+corrections\(/);
    // In one object: a second one with the same name would replace the first.
    expect(printResolvers(written).match(/^\s*Invoice: \{/gm)).toHaveLength(1);
    expect(printTest(written).match(/^\s*Invoice: /gm)).toHaveLength(1);
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

describe('a column', () => {
  const withColumn = (info: Partial<FieldInfo>): ModulePlan => {
    const column = { type: 'String', column: 'extra', ...info };
    // A required relation would leave the seed without rows.
    const fields = Object.entries(INVOICE.fields).filter(([name]) => !name.startsWith('customer'));
    const invoice = { ...INVOICE, fields: { ...Object.fromEntries(fields), extra: column } };
    return plan({ Invoice: invoice, Customer: CUSTOMER });
  };

  test.each<[string, Partial<FieldInfo>, rule: string, sample: string | undefined]>([
    ['varchar(20)', { native: ['VarChar', '20'] }, 'text(1, 20)', "'extra 1'"],
    ['varchar(3)', { native: ['VarChar', '3'] }, 'text(1, 3)', "'ex1'"],
    ['char(1)', { native: ['Char'] }, 'text(1, 1)', "'1'"],
    ['text', {}, 'text(1, 10_000)', "'extra 1'"],
    ['varchar(4)[]', { isList: true, native: ['VarChar', '4'] }, 'z.array(text(1, 4)).max(100)', undefined],
    [
      'an enum[]',
      { type: 'InvoiceStatus', isEnum: true, isList: true },
      'z.array(z.enum(InvoiceStatus)).max(100)',
      undefined,
    ],
    ['smallint', { type: 'Int', native: ['SmallInt'] }, 'integer(-32_768, 32_767)', '100'],
    ['integer', { type: 'Int' }, 'z.number().int()', '100'],
    ['real', { type: 'Float', native: ['Real'] }, 'real()', '100'],
    [
      'numeric(10, 2)',
      { type: 'Decimal', native: ['Decimal', '10', '2'] },
      'decimal(10, 2)',
      "Decimal('1.5')",
    ],
    ['numeric(5, 0)', { type: 'Decimal', native: ['Decimal', '5', '0'] }, 'decimal(5, 0)', "Decimal('1')"],
    ['numeric(2, 2)', { type: 'Decimal', native: ['Decimal', '2', '2'] }, 'decimal(2, 2)', "Decimal('0.1')"],
    ['numeric', { type: 'Decimal' }, 'decimal(65, 30)', "Decimal('1.5')"],
  ])('%s refuses with its name what does not fit, and gets a row that fits', (_name, info, rule, sample) => {
    const written = withColumn(info);
    expect(printResolvers(written).replace(/\s+/g, ' ')).toContain(
      `extra: ${info.isList ? `optional(${rule})` : rule}`,
    );
    if (sample !== undefined) expect(printSeed(written)).toContain(sample);
  });

  test('that the API has no type for is named as the Prisma models write it', () => {
    expect(withColumn({ type: 'DateTime', native: ['Time'], isNullable: true }).leftOut).toContain(
      'extra: the API has no type for DateTime @db.Time',
    );
    expect(withColumn({ type: 'Int', isList: true }).leftOut).toContain(
      'extra: the API has no type for Int[]',
    );
  });
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

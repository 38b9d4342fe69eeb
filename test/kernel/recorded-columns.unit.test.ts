/**
 * Proves that the audit log shows a recorded column only to callers who may read the field that shows it, and a column
 * without a known field to no caller. The models, types and fields have different names.
 */
import { describe, expect, test } from 'vitest';
import { readableFields } from '../../src/kernel/access/readable-fields.js';
import type { RecordedEntities } from '../../src/kernel/access/recorded-columns.js';
import type { Permission } from '../../src/kernel/vocabulary/permissions.js';
import { dataRule } from '../../src/kernel/graphql/shield.js';
import { defineModule, type Module } from '../../src/kernel/graphql/module.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import type { Column, ScopedModel } from '../../src/kernel/tenancy/data-model.js';

const PAY = '@requires(permission: STAFF_PAY)';
const READ = '@requires(permission: STAFF_READ)';

const STAFF = `
  extend enum Permission { STAFF_READ STAFF_PAY }
  type Employee ${READ} { id: ID! name: String wage: Int ${PAY} boss: String @authenticated ownWord: String once: String @secret }
  type Client @authenticated { id: ID! fullName: String pay: Int ${PAY} }
  type Customer @authenticated { id: ID! }
  extend type Query { staff: [Employee!] ${READ} clients: [Client!] @authenticated }`;

const staff = (audit: RecordedEntities = {}): Module =>
  defineModule({
    name: 'staff',
    typeDefs: STAFF,
    resolvers: {},
    permissions: { 'staff:read': ['owner'], 'staff:pay': ['owner'] },
    rules: { 'Employee.boss': dataRule<object>('own boss', () => true) },
    audit,
  });

/** A model with these columns by their fields in the Prisma schema. */
const model = (name: string, tableName: string, fields: Readonly<Record<string, string>>): ScopedModel => ({
  name,
  property: name.toLowerCase(),
  tenantField: 'tenantId',
  scalars: new Set(Object.keys(fields)),
  relations: new Map(),
  table: `"public"."${tableName}"`,
  tableName,
  columns: new Map(
    Object.entries(fields).map(([field, column]): [string, Column] => [
      field,
      {
        field,
        column,
        name: `"${column}"`,
        selected: '',
        type: 'String',
        byDefault: 'database',
        isNullable: true,
      },
    ]),
  ),
  allColumns: '',
  keys: new Map(),
});

const MODELS = [
  model('Employee', 'staff_members', {
    id: 'id',
    tenantId: 'tenant_id',
    name: 'name',
    wage: 'salary_cents',
    boss: 'boss',
    once: 'once',
    updatedAt: 'updated_at',
    ownWord: 'own_password',
  }),
  model('Customer', 'customers', { id: 'id', name: 'name', wage: 'wage_cents', note: 'note' }),
];

const ROW = {
  id: '1',
  tenant_id: 'a',
  name: 'n',
  salary_cents: 5,
  salaryCents: 5,
  wage: 5,
  boss: 'b',
  once: 'o',
  updated_at: 't',
  own_password: 'p',
  passwordHash: 'p',
  unknown: 'u',
};

interface Asked {
  readonly entity?: string;
  readonly row?: object;
  readonly audit?: RecordedEntities;
  readonly permissions?: readonly Permission[];
  readonly models?: readonly ScopedModel[];
}

function visible({
  entity = 'Employee',
  row = ROW,
  audit,
  permissions = [],
  models = MODELS,
}: Asked): object {
  const { schema, guards, recorded } = buildApi([staff(audit)]);
  const held = new Set(permissions);
  return recorded.visible(row, {
    entity,
    models: new Map(models.map((each) => [each.name, each])),
    readable: readableFields(schema, guards, held),
    permissions: held,
  });
}

const ALL: readonly Permission[] = ['staff:read', 'staff:pay'];

describe('of a recorded row', () => {
  test('a column follows the guard of its field, whatever the column is called', () => {
    expect(visible({ permissions: ALL })).toEqual({ id: '1', name: 'n', wage: 5 });
    expect(visible({ permissions: ['staff:read'] })).toEqual({ id: '1', name: 'n' });
  });

  test('nothing is shown to a caller who may not read the type, and holds the permission of a field', () => {
    expect(visible({ permissions: ['staff:pay'] })).toEqual({});
    expect(visible({ permissions: [] })).toEqual({});
  });

  test('nothing is shown of a model that no type is known of', () => {
    const models = [...MODELS, model('Payroll', 'payrolls', { id: 'id', name: 'name' })];
    expect(visible({ entity: 'Payroll', models, permissions: ALL })).toEqual({});
  });

  test('nothing is shown of an entity that is no model, nor of a name that every object has', () => {
    for (const entity of ['Nothing', 'constructor', '__proto__', 'Query', '']) {
      expect(visible({ entity, permissions: ALL })).toEqual({});
    }
  });

  test('the model is found by its table, as protect names its entity', () => {
    expect(visible({ entity: 'StaffMember', permissions: ['staff:read'] })).toEqual({ id: '1', name: 'n' });
  });

  test('nothing is shown when two models may be meant', () => {
    const models = [...MODELS, model('StaffMember', 'people', { id: 'id', name: 'name' })];
    expect(visible({ entity: 'StaffMember', models, permissions: ALL })).toEqual({});
  });
});

describe('what a module says of an entity', () => {
  const row = { id: '1', name: 'n', wage_cents: 7, note: 'x', fullName: 'y', apiToken: 'z' };
  const client: RecordedEntities = {
    Customer: { type: 'Client', columns: { name: 'fullName', wage_cents: 'pay', note: 'staff:read' } },
  };

  test('is the type that it has, and the fields that show its columns', () => {
    expect(visible({ entity: 'Customer', row, permissions: ALL })).toEqual({});
    const ask = (...permissions: Permission[]) =>
      visible({ entity: 'Customer', row, audit: client, permissions });
    expect(ask()).toEqual({ id: '1', fullName: 'n' });
    expect(ask('staff:pay')).toEqual({ id: '1', fullName: 'n', pay: 7 });
    expect(ask('staff:read')).toEqual({ id: '1', fullName: 'n', note: 'x' });
  });

  test('is a permission for what was recorded by hand', () => {
    const audit: RecordedEntities = { Export: { columns: { rows: 'staff:read', apiToken: 'staff:read' } } };
    const made = { rows: 5, apiToken: 'z', other: 1 };
    const ask = (...permissions: Permission[]) =>
      visible({ entity: 'Export', row: made, audit, permissions });
    expect(ask()).toEqual({});
    expect(ask('staff:read')).toEqual({ rows: 5 });
  });

  test.each<[string, RecordedEntities, string]>([
    ['a type', { Customer: { type: 'Nobody' } }, 'Customer: Nobody is no object type'],
    ['a field', { Customer: { columns: { name: 'nothing' } } }, 'Customer.name: nothing is neither'],
    ['a permission', { Customer: { columns: { name: 'no:body' } } }, 'Customer.name: no:body is neither'],
  ])('has to be there: %s', (_what, audit, message) => {
    expect(() => buildApi([staff(audit)])).toThrow(message);
  });

  test('is said once', () => {
    const other = defineModule({ name: 'other', typeDefs: '', resolvers: {}, audit: client });
    expect(() => buildApi([staff(client), { ...other, typeDefs: 'scalar Unused' }])).toThrow(
      'two modules say what the audit log has of Customer',
    );
  });
});

test('numbers are text where the field answers text, and no digit is lost', () => {
  const { schema, guards, recorded } = buildApi([
    defineModule({
      name: 'bill',
      typeDefs: `
        extend enum Permission { AUDIT_READ }
        type Bill @authenticated { id: ID! cents: BigInt rate: Decimal price: Decimal parts: [Decimal!] weight: Float }
        extend type Query { bill: Bill @authenticated }`,
      resolvers: {},
      audit: { Bill: { columns: { hidden: 'audit:read' } } },
      permissions: { 'audit:read': ['owner'] },
    }),
  ]);
  const names = ['cents', 'rate', 'price', 'parts', 'weight', 'hidden'];
  const bill = model('Bill', 'bills', Object.fromEntries(names.map((name) => [name, name])));
  const columns = new Map(bill.columns)
    .set('hidden', { ...bill.columns.get('hidden')!, type: 'BigInt' })
    .set('price', { ...bill.columns.get('price')!, type: 'Decimal', scale: 2 });
  const held = new Set<Permission>(['audit:read']);
  const shown = (row: object) =>
    recorded.visible(row, {
      entity: 'Bill',
      models: new Map([['Bill', { ...bill, columns }]]),
      readable: readableFields(schema, guards, held),
      permissions: held,
    });
  expect(shown({ cents: 4200, rate: 1.5, parts: [0.1, 1e-7], weight: 1.5, hidden: 7 })).toEqual({
    cents: '4200',
    rate: '1.5',
    parts: ['0.1', '0.0000001'],
    weight: 1.5,
    hidden: '7',
  });
  // A decimal has the digits of its column, and no fewer than were recorded.
  expect(shown({ price: 12.5 })).toEqual({ price: '12.50' });
  expect(shown({ price: 12.505 })).toEqual({ price: '12.505' });
  const long = { cents: '9007199254740993', rate: '1234567890123456.7800', hidden: null };
  expect(shown(long)).toEqual({ ...long, rate: '1234567890123456.78' });
  expect(shown({ cents: 'many', parts: [null, true] })).toEqual({ cents: 'many', parts: [null, true] });
});

/**
 * The parts of tenantize that need no database: which parent gives a row its tenant, and the changes of the Prisma
 * models. test/kernel/tenantize.slow.test.ts has the rest.
 */
import { expect, test } from 'vitest';
import type { ForeignKey, Table, UniqueKey } from '../src/catalog.js';
import { TenantizeError } from '../src/error.js';
import { namesFor, replacedForeignKeys } from '../src/keys.js';
import { entityNames, modelChanges } from '../src/models.js';
import { conversionsOf, tenantMayChange, tenantOf } from '../src/rule.js';

const foreignKey = (table: string, column: string, references: string, optional = false): ForeignKey => ({
  name: `${table}_${column}_fkey`,
  table,
  columns: [column],
  optional,
  references,
  referencedColumns: ['id'],
  actions: 'ON DELETE CASCADE ON UPDATE CASCADE',
  updateSetsColumns: false,
  full: false,
  deferral: '',
  validated: true,
});

const primaryKey = (table: string): UniqueKey => ({
  index: `${table}_pkey`,
  primary: true,
  constraint: true,
  deferral: '',
  exclusion: false,
  valid: true,
  replicaIdentity: false,
  method: 'btree',
  columns: ['id'],
  definition: 'USING btree (id)',
});

const tableOf = (name: string, ...foreignKeys: ForeignKey[]): Table => ({
  name,
  kind: 'r',
  partition: false,
  inherits: false,
  extension: null,
  owner: 'tenantry_owner',
  columns: ['id', ...foreignKeys.flatMap(({ columns }) => columns)],
  generated: {},
  scoped: false,
  underWay: false,
  rowSecurity: false,
  policies: [],
  uniqueKeys: [primaryKey(name)],
  foreignKeys,
  references: [],
  updateTriggers: [],
  rules: [],
  leakyViews: [],
  keyViews: [],
  publications: [],
  grantees: [],
  sequences: [],
});

const orders = tableOf('orders');
const lines = tableOf(
  'order_lines',
  foreignKey('order_lines', 'gift_of', 'orders', true),
  foreignKey('order_lines', 'order_id', 'orders'),
);
const notes = tableOf('line_notes', foreignKey('line_notes', 'line_id', 'order_lines'));
const byCustomer = { tenantExpression: 'customer_tenant(orders.customer_id)' };

test('a table takes the tenant of the table that it always references, in whatever order they are given', () => {
  const conversions = conversionsOf([orders, notes, lines], byCustomer);
  expect(conversions.map(({ table }) => table.name)).toEqual(['orders', 'order_lines', 'line_notes']);
  const [first, second] = conversions;
  expect(tenantOf(first!, 'NEW')).toBe(
    '(SELECT (customer_tenant(orders.customer_id))::uuid FROM (SELECT NEW.*) AS "orders")',
  );
  expect(tenantOf(second!, 'OLD')).toBe(
    '(SELECT parent.tenant_id FROM public."orders" AS parent WHERE parent."id" = OLD."order_id")',
  );
  expect(tenantMayChange(second!)).toBe('NEW."order_id" IS DISTINCT FROM OLD."order_id"');
});

test('a table without a path to a tenant is refused, unless all rows belong to one tenant', () => {
  const stray = tableOf('settings');
  expect(() => conversionsOf([orders, stray], byCustomer)).toThrow(
    new TenantizeError(
      'settings has no foreign key to orders: there is no way to a tenant. Tenantize it on its own, with --tenant or ' +
        '--tenant-expression.',
    ),
  );
  const [, all] = conversionsOf([orders, stray], { tenant: "o'neill" });
  expect(tenantOf(all!, 'NEW')).toBe("(SELECT id FROM public.tenants WHERE slug = 'o''neill')");
  expect(tenantMayChange(all!)).toBe('false');
});

test('an expression cannot end the dollar quotation around it', () => {
  expect(() => conversionsOf([orders], { tenantExpression: "'a'::uuid $fill$; DROP TABLE a" })).toThrow(
    TenantizeError,
  );
});

test('tables have the names of their models, or the names that tenantry.protect gives', () => {
  const names = entityNames([orders, lines, tableOf('categories')], new Map([['orders', 'Purchase']]));
  expect(Object.fromEntries(names)).toEqual({
    orders: 'Purchase',
    order_lines: 'OrderLine',
    categories: 'Category',
  });
  const changes = modelChanges(
    [orders, lines],
    new Map(),
    names,
    namesFor([orders, lines], replacedForeignKeys([orders, lines], new Map()), new Set()),
  );
  expect(changes).toContain('model Purchase');
  expect(changes).toContain('  + @@id([tenantId, id])');
  expect(changes).toContain('  + orderLines OrderLine[]');
});

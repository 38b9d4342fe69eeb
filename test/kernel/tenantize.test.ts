import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PRISMA_FOLDER } from '../../src/database/migration/folder.js';
import { applyMigrations } from '../../src/database/migrations.js';
import { finishTenantize, tenantize } from '../../src/tenantize/tenantize.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase();

const BEFORE = `
CREATE TABLE customers (
  tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant(),
  id uuid NOT NULL DEFAULT tenantry.uuid_v7(),
  name text NOT NULL,
  CONSTRAINT customers_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT customers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE RESTRICT ON UPDATE RESTRICT
);
SELECT tenantry.protect('customers', 'Customer');
CREATE TABLE orders (
  id bigserial NOT NULL CONSTRAINT orders_pkey PRIMARY KEY,
  customer_id uuid NOT NULL,
  number text NOT NULL,
  note text
);
CREATE UNIQUE INDEX orders_number_key ON orders (number);
CREATE UNIQUE INDEX orders_note ON orders (lower(note)) WHERE note <> '';
CREATE TABLE order_lines (
  id uuid NOT NULL DEFAULT tenantry.uuid_v7() CONSTRAINT order_lines_pkey PRIMARY KEY,
  order_id bigint NOT NULL CONSTRAINT order_lines_order_id_fkey REFERENCES orders ON DELETE CASCADE ON UPDATE CASCADE,
  replaces uuid CONSTRAINT order_lines_replaces_fkey REFERENCES order_lines (id) ON DELETE RESTRICT ON UPDATE RESTRICT,
  cents integer NOT NULL
);
CREATE TABLE shipments (
  tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant(),
  id uuid NOT NULL DEFAULT tenantry.uuid_v7(),
  order_id bigint NOT NULL,
  CONSTRAINT shipments_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT shipments_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE RESTRICT ON UPDATE RESTRICT,
  CONSTRAINT shipments_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE RESTRICT ON UPDATE RESTRICT
);
SELECT tenantry.protect('shipments', 'Shipment');
`;
const folders: string[] = [];
afterAll(() => Promise.all(folders.map((f) => rm(f, { recursive: true }))));

describe('tenantize', () => {
  it('works', async () => {
    const prisma = await mkdtemp(join(tmpdir(), 'tenantry-prisma-'));
    folders.push(prisma);
    await cp(PRISMA_FOLDER, prisma, { recursive: true });
    await mkdir(join(prisma, 'migrations', '20261130000000_before'));
    await writeFile(join(prisma, 'migrations', '20261130000000_before', 'migration.sql'), BEFORE);
    const { superuser, asSuperuser } = database();
    await applyMigrations(superuser, prisma);
    await asSuperuser(`INSERT INTO customers (tenant_id, name) SELECT id, slug FROM tenants`);
    await asSuperuser(`INSERT INTO orders (customer_id, number, note) SELECT c.id, name || n, name || n FROM customers c, generate_series(1, 1000) n`);
    await asSuperuser(`INSERT INTO order_lines (order_id, cents) SELECT o.id, n FROM orders o, generate_series(1, 2) n`);
    await asSuperuser(`INSERT INTO shipments (tenant_id, order_id) SELECT tenant_id, o.id FROM orders o JOIN customers c ON c.id = customer_id`);
    const plan = await tenantize(superuser, ['orders', 'order_lines'], {
      tenantExpression: '(SELECT c.tenant_id FROM customers c WHERE c.id = customer_id)',
    }, prisma);
    console.log(plan.steps.map((s) => s.name + '\n' + s.sql).join('\n'), plan.models);
    console.time('expand');
    await applyMigrations(superuser, prisma);
    console.timeEnd('expand');
    const fin = await finishTenantize(superuser, ['orders', 'order_lines'], prisma);
    console.log(fin.steps.map((s) => s.name + '\n' + s.sql).join('\n'), fin.models);
    await applyMigrations(superuser, prisma);
    console.log(await asSuperuser("SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid IN ('orders'::regclass, 'order_lines'::regclass, 'shipments'::regclass) AND contype <> 'n' ORDER BY 1,2"));
    expect(1).toBe(1);
  });
});

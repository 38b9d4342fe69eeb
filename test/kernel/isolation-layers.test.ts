/**
 * Proves that each of the two layers of isolation isolates alone, on the tables of every installation: every operation
 * of the tenant-bound client without row-level security, and row-level security without the client's filter. Without
 * both layers each attack succeeds, which shows that the attacks can detect a leak.
 */
import { expect, test } from 'vitest';
import type { ScopedModel } from '../../src/kernel/tenancy/data-model.js';
import { ForeignTenantError, READS, TenantFilter, WRITES } from '../../src/kernel/tenancy/tenant-filter.js';
import { useDatabase } from '../support/database.js';
import { probe, type Ground } from '../support/isolation-probe.js';
import { bind, connected, useDemoTenants } from '../support/demo-tenants.js';
import { type MemberRow, attacks } from '../support/member-attacks.js';

const members: Ground<MemberRow> = {
  tables: ['memberships', 'tenants'],
  async plant(database, tenantId, text) {
    const [row] = await database.asSuperuser<MemberRow>(
      `INSERT INTO memberships (tenant_id, user_id, email, role) VALUES ($1, $2, $2, 'viewer')
       RETURNING id, user_id AS "userId", email`,
      [tenantId, text],
    );
    return row!;
  },
};

probe(members, attacks);

test('every operation of the tenant-bound client is attacked', () => {
  const attacked = new Set(attacks.map(({ operation }) => operation));
  expect([...READS, ...WRITES].filter((operation) => !attacked.has(`membership.${operation}`))).toEqual([]);
});

const database = useDatabase();
const tenants = useDemoTenants(database);

test('raw SQL without a where reads, changes and deletes rows of the bound tenant only', async () => {
  const { acme, globex } = tenants();
  const inGlobex = () =>
    database().asSuperuser('SELECT * FROM memberships WHERE tenant_id = $1 ORDER BY id', [globex.tenantId]);
  const before = await inGlobex();
  await connected(database().app, async (client) => {
    await client.query('BEGIN');
    await bind(client, acme);
    const { rows } = await client.query('SELECT DISTINCT tenant_id FROM memberships');
    expect(rows).toEqual([{ tenant_id: acme.tenantId }]);
    const aggregated = await client.query(
      `SELECT count(*)::int AS members, max(email) AS last, (SELECT count(*)::int FROM tenants) AS tenants,
              (SELECT count(DISTINCT tenant_id)::int FROM audit_log) AS audited FROM memberships`,
    );
    expect(aggregated.rows).toEqual([{ members: 4, last: 'viewer@acme.test', tenants: 1, audited: 1 }]);
    expect((await client.query("UPDATE memberships SET email = 'changed'")).rowCount).toBe(4);
    expect((await client.query("UPDATE tenants SET name = 'changed'")).rowCount).toBe(1);
    expect((await client.query('DELETE FROM memberships')).rowCount).toBe(4);
    await client.query('COMMIT');
  });
  expect(await inGlobex()).toEqual(before);
  expect(await database().asSuperuser("SELECT slug FROM tenants WHERE name = 'changed'")).toEqual([
    { slug: 'acme' },
  ]);
});

test.each(['data', 'create', 'update', 'upsert', 'connect', 'connectOrCreate', 'where', 'set'])(
  'a column that is called %s, as a part of Prisma’s language is, hides no write to another tenant',
  (column) => {
    const model = (name: string, relations: Record<string, string>): ScopedModel => ({
      name,
      property: name.toLowerCase(),
      tenantField: 'tenantId',
      scalars: new Set(['tenantId', 'id', column]),
      relations: new Map(Object.entries({ tenant: 'Tenant', ...relations })),
      tableName: name,
      table: name,
      columns: new Map(),
      allColumns: '',
      keys: new Map(),
    });
    const parent = model('Parent', {});
    const child = model('Child', { parent: 'Parent' });
    const filter = new TenantFilter(new Map([parent, child].map((each) => [each.name, each])), 'own');
    const foreign = { tenant: { connect: { id: 'foreign' } } };
    const key = { tenantId_id: { tenantId: 'foreign', id: 'x' } };
    const writes = [
      { parent: { create: foreign } },
      { parent: { connect: key } },
      { parent: { connectOrCreate: { where: key, create: {} } } },
      { parent: { connectOrCreate: { where: {}, create: foreign } } },
      { parent: { update: { data: foreign } } },
      { parent: { update: foreign } },
      { parent: { upsert: { create: {}, update: foreign } } },
      { parent: { upsert: { create: foreign, update: {} } } },
    ];
    for (const data of writes) {
      const write = () => filter.apply(child, 'update', { where: { id: 'x' }, data });
      expect(write, JSON.stringify(data)).toThrow(ForeignTenantError);
    }
    // The content of a JSON column does not name a tenant.
    const json = { [column]: { tenantId: 'foreign', tenant: 'foreign' } };
    expect(() => filter.apply(child, 'update', { where: { id: 'x' }, data: json })).not.toThrow();
    const nested = { parent: { create: json } };
    expect(() => filter.apply(child, 'update', { where: { id: 'x' }, data: nested })).not.toThrow();
  },
);

/**
 * Proves that each of the two layers of isolation holds alone, on the tables every installation has: every operation
 * of the tenant-bound client without row-level security, and row-level security without the client's filter. With
 * neither, each attack succeeds: an attack that could not find anything would prove nothing.
 */
import { expect, test } from 'vitest';
import type { ScopedModel } from '../../src/kernel/tenancy/data-model.js';
import { ForeignTenantError, READS, TenantFilter, WRITES } from '../../src/kernel/tenancy/tenant-filter.js';
import { useDatabase } from '../support/database.js';
import { probe, type Attack, type Ground, type Target } from '../support/isolation-probe.js';
import { bind, connected, useDemoTenants } from '../support/demo-tenants.js';

interface MemberRow {
  readonly id: string;
  readonly userId: string;
  readonly email: string;
}

type MemberTarget = Target<MemberRow>;

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

const keyOfTheirs = ({ foreign, theirs }: MemberTarget) => ({
  tenantId_id: { tenantId: foreign, id: theirs.id },
});
const keyOfMine = ({ own, mine }: MemberTarget) => ({ tenantId_id: { tenantId: own, id: mine.id } });
const newMember = ({ graffiti }: MemberTarget) => ({ userId: graffiti, email: graffiti, role: 'viewer' });

/** Whether a cursor in another tenant answers as one that points nowhere. */
async function comparedWithNowhere(
  { secret, foreign, theirs }: MemberTarget,
  ask: (cursor: { tenantId_id: { tenantId: string; id: string } }) => Promise<unknown>,
): Promise<string> {
  const nowhere = '00000000-0000-7000-8000-000000000000';
  const [there, absent] = [
    await ask({ tenantId_id: { tenantId: foreign, id: theirs.id } }),
    await ask({ tenantId_id: { tenantId: foreign, id: nowhere } }),
  ];
  return JSON.stringify(there) === JSON.stringify(absent) ? 'no difference' : secret;
}

const attacks: readonly Attack<MemberRow>[] = [
  {
    operation: 'membership.findUnique',
    name: 'a key of another tenant',
    run: (t) => t.models.membership.findUnique({ where: keyOfTheirs(t) }),
  },
  {
    operation: 'membership.findUnique',
    name: 'the other unique key of another tenant',
    run: (t) =>
      t.models.membership.findUnique({
        where: { tenantId_userId: { tenantId: t.foreign, userId: t.theirs.userId } },
      }),
  },
  {
    operation: 'membership.findUnique',
    name: 'a key of another tenant, with the other tenant in the filter as well',
    run: (t) => t.models.membership.findUnique({ where: { ...keyOfTheirs(t), tenantId: t.foreign } }),
  },
  {
    operation: 'membership.findUniqueOrThrow',
    name: 'a key of another tenant',
    run: (t) => t.models.membership.findUniqueOrThrow({ where: keyOfTheirs(t) }),
  },
  {
    operation: 'membership.findFirst',
    name: 'a value that stands in the other tenant only',
    run: (t) => t.models.membership.findFirst({ where: { email: t.secret } }),
  },
  {
    operation: 'membership.findFirst',
    name: 'an OR that names both tenants',
    run: (t) =>
      t.models.membership.findFirst({
        where: { OR: [{ tenantId: t.foreign }, { tenantId: t.own }], email: t.secret },
      }),
  },
  {
    operation: 'membership.findFirst',
    name: 'an OR beside the own tenant',
    run: (t) =>
      t.models.membership.findFirst({
        where: { OR: [{ AND: { tenantId: t.own } }, { tenantId: { not: t.own } }] },
        orderBy: { email: 'desc' },
      }),
  },
  {
    operation: 'membership.findFirstOrThrow',
    name: 'everything but the own tenant',
    run: (t) =>
      t.models.membership.findFirstOrThrow({ where: { NOT: { tenantId: t.own }, email: t.secret } }),
  },
  { operation: 'membership.findMany', name: 'no filter', run: (t) => t.models.membership.findMany() },
  {
    operation: 'membership.findMany',
    name: 'the other tenant by name',
    run: (t) => t.models.membership.findMany({ where: { tenantId: t.foreign } }),
  },
  {
    operation: 'membership.findMany',
    name: 'both tenants by name',
    run: (t) => t.models.membership.findMany({ where: { tenantId: { in: [t.own, t.foreign] } } }),
  },
  {
    operation: 'membership.findMany',
    name: 'the other tenant in an AND that the filter has to extend',
    run: (t) =>
      t.models.membership.findMany({ where: { tenantId: { not: t.own }, AND: [{ tenantId: t.foreign }] } }),
  },
  {
    operation: 'membership.findMany',
    name: 'through the tenant relation',
    run: (t) => t.models.membership.findMany({ where: { tenant: { is: { slug: 'globex' } } } }),
  },
  {
    operation: 'membership.findMany',
    name: 'including the tenant and all its members',
    run: (t) =>
      t.models.membership.findMany({
        where: { tenantId: t.foreign },
        include: { tenant: { include: { memberships: true } } },
      }),
  },
  {
    operation: 'membership.findMany',
    name: 'a cursor in another tenant',
    run: (t) =>
      comparedWithNowhere(t, (cursor) =>
        t.models.membership.findMany({ cursor, orderBy: { email: 'desc' }, take: 5 }),
      ),
  },
  {
    operation: 'membership.count',
    name: 'rows of other tenants',
    run: async (t) =>
      (await t.models.membership.count({ where: { email: t.secret } })) > 0 ? t.secret : 'none',
  },
  {
    operation: 'membership.aggregate',
    name: 'the greatest value of all',
    run: (t) => t.models.membership.aggregate({ _max: { email: true } }),
  },
  {
    operation: 'membership.aggregate',
    name: 'the count of an OR',
    run: async (t) => {
      const where = { OR: [{ tenantId: t.foreign }], email: t.secret };
      const { _count } = await t.models.membership.aggregate({ _count: true, where });
      return _count > 0 ? t.secret : 'none';
    },
  },
  {
    operation: 'membership.groupBy',
    name: 'a column',
    run: (t) => t.models.membership.groupBy({ by: ['email'] }),
  },
  {
    operation: 'membership.groupBy',
    name: 'having a value of another tenant',
    run: (t) =>
      t.models.membership.groupBy({
        by: ['tenantId', 'email'],
        where: { tenantId: { not: t.own } },
        having: { email: { contains: 'secret' } },
        _count: true,
      }),
  },
  {
    operation: 'membership.create',
    name: 'a row that names another tenant',
    run: (t) => t.models.membership.create({ data: { ...newMember(t), tenantId: t.foreign } }),
  },
  {
    operation: 'membership.create',
    name: 'a row that connects another tenant',
    run: (t) =>
      t.models.membership.create({ data: { ...newMember(t), tenant: { connect: { id: t.foreign } } } }),
  },
  {
    operation: 'membership.create',
    name: 'a row that connects or creates another tenant',
    run: (t) =>
      t.models.membership.create({
        data: {
          ...newMember(t),
          tenant: {
            connectOrCreate: { where: { id: t.foreign }, create: { slug: 'never-used', name: 'Never used' } },
          },
        },
      }),
  },
  {
    operation: 'membership.createMany',
    name: 'a row of the own tenant and one of another',
    run: (t) =>
      t.models.membership.createMany({
        data: [
          { ...newMember(t), tenantId: t.own },
          { ...newMember(t), tenantId: t.foreign },
        ],
      }),
  },
  {
    operation: 'membership.createManyAndReturn',
    name: 'a row that names another tenant',
    run: (t) => t.models.membership.createManyAndReturn({ data: [{ ...newMember(t), tenantId: t.foreign }] }),
  },
  {
    operation: 'membership.update',
    name: 'a key of another tenant',
    run: (t) => t.models.membership.update({ where: keyOfTheirs(t), data: { email: t.graffiti } }),
  },
  {
    operation: 'membership.update',
    name: 'moving an own row to another tenant',
    run: (t) =>
      t.models.membership.update({
        where: keyOfMine(t),
        data: { email: t.graffiti, tenantId: t.foreign },
      }),
  },
  {
    operation: 'membership.update',
    name: 'moving an own row with set',
    run: (t) =>
      t.models.membership.update({
        where: keyOfMine(t),
        data: { email: t.graffiti, tenantId: { set: t.foreign } },
      }),
  },
  {
    operation: 'membership.update',
    name: 'moving an own row through the tenant relation',
    run: (t) =>
      t.models.membership.update({
        where: keyOfMine(t),
        data: { email: t.graffiti, tenant: { connect: { id: t.foreign } } },
      }),
  },
  {
    operation: 'membership.updateMany',
    name: 'no filter',
    run: (t) => t.models.membership.updateMany({ data: { email: t.graffiti } }),
  },
  {
    operation: 'membership.updateMany',
    name: 'moving own rows to another tenant',
    run: (t) =>
      t.models.membership.updateMany({
        where: { email: t.mine.email },
        data: { email: t.graffiti, tenantId: t.foreign },
      }),
  },
  {
    operation: 'membership.updateManyAndReturn',
    name: 'an OR that names another tenant',
    run: (t) =>
      t.models.membership.updateManyAndReturn({
        where: { OR: [{ tenantId: t.foreign }, { tenantId: t.own }] },
        data: { email: t.graffiti },
      }),
  },
  {
    operation: 'membership.upsert',
    name: 'a key of another tenant',
    run: (t) =>
      t.models.membership.upsert({
        where: keyOfTheirs(t),
        update: { email: t.graffiti },
        create: newMember(t),
      }),
  },
  {
    operation: 'membership.upsert',
    name: 'a key of another tenant that PostgreSQL could resolve itself (ON CONFLICT)',
    run: (t) =>
      t.models.membership.upsert({
        where: { tenantId_userId: { tenantId: t.foreign, userId: t.theirs.userId } },
        update: { email: t.graffiti },
        create: { userId: t.theirs.userId, tenantId: t.foreign, email: t.graffiti, role: 'viewer' },
      }),
  },
  {
    operation: 'membership.upsert',
    name: 'creating a row in another tenant',
    run: (t) =>
      t.models.membership.upsert({
        where: { tenantId_userId: { tenantId: t.own, userId: t.graffiti } },
        update: {},
        create: { ...newMember(t), tenantId: t.foreign },
      }),
  },
  {
    operation: 'membership.upsert',
    name: 'moving an own row to another tenant',
    run: (t) =>
      t.models.membership.upsert({
        where: keyOfMine(t),
        update: { email: t.graffiti, tenantId: t.foreign },
        create: newMember(t),
      }),
  },
  {
    operation: 'membership.delete',
    name: 'a key of another tenant',
    run: (t) => t.models.membership.delete({ where: keyOfTheirs(t), select: { id: true } }),
  },
  {
    operation: 'membership.deleteMany',
    name: 'an OR that names another tenant',
    run: (t) =>
      t.models.membership.deleteMany({ where: { OR: [{ tenantId: t.foreign }, { email: t.secret }] } }),
  },
  {
    operation: 'membership.deleteMany',
    name: 'no filter',
    run: (t) => t.models.membership.deleteMany(),
  },
  {
    operation: 'tenant.findUnique',
    name: 'the id of another tenant, including its members',
    run: (t) => t.models.tenant.findUnique({ where: { id: t.foreign }, include: { memberships: true } }),
  },
  {
    operation: 'tenant.findUniqueOrThrow',
    name: 'the slug of another tenant, including its members',
    run: (t) =>
      t.models.tenant.findUniqueOrThrow({ where: { slug: 'globex' }, include: { memberships: true } }),
  },
  {
    operation: 'tenant.findMany',
    name: 'no filter',
    run: (t) => t.models.tenant.findMany({ include: { memberships: true } }),
  },
  {
    operation: 'tenant.count',
    name: 'other tenants',
    run: async (t) =>
      (await t.models.tenant.count({ where: { NOT: { id: t.own } } })) > 0 ? t.secret : 'none',
  },
  {
    operation: 'tenant.update',
    name: 'the id of another tenant',
    run: (t) => t.models.tenant.update({ where: { id: t.foreign }, data: { name: t.graffiti } }),
  },
  {
    operation: 'tenant.updateMany',
    name: 'no filter',
    run: (t) => t.models.tenant.updateMany({ data: { name: t.graffiti } }),
  },
  {
    operation: 'tenant.update',
    name: 'connecting a member of another tenant to the own one',
    run: (t) =>
      t.models.tenant.update({
        where: { id: t.own },
        data: { memberships: { connect: keyOfTheirs(t) } },
      }),
  },
  {
    operation: 'auditEntry.findMany',
    name: 'the other tenant by name',
    run: (t) => t.models.auditEntry.findMany({ where: { tenantId: t.foreign } }),
  },
  {
    operation: 'auditEntry.findFirst',
    name: 'an entry about a row of another tenant',
    run: (t) => t.models.auditEntry.findFirst({ where: { entityId: t.theirs.id } }),
  },
  {
    operation: 'auditEntry.count',
    name: 'entries about a row of another tenant',
    run: async (t) =>
      (await t.models.auditEntry.count({ where: { entityId: t.theirs.id } })) > 0 ? t.secret : 'none',
  },
];

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
    // What stands in a JSON column is nobody's tenant.
    const json = { [column]: { tenantId: 'foreign', tenant: 'foreign' } };
    expect(() => filter.apply(child, 'update', { where: { id: 'x' }, data: json })).not.toThrow();
    const nested = { parent: { create: json } };
    expect(() => filter.apply(child, 'update', { where: { id: 'x' }, data: nested })).not.toThrow();
  },
);

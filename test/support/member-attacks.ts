/** Attacks with every operation of the tenant-bound client on the memberships of another tenant. */
import type { Attack, Target } from './isolation-probe.js';

export interface MemberRow {
  readonly id: string;
  readonly userId: string;
  readonly email: string;
}

type MemberTarget = Target<MemberRow>;

const keyOfTheirs = ({ foreign, theirs }: MemberTarget) => ({
  tenantId_id: { tenantId: foreign, id: theirs.id },
});
const keyOfMine = ({ own, mine }: MemberTarget) => ({ tenantId_id: { tenantId: own, id: mine.id } });
const newMember = ({ graffiti }: MemberTarget) => ({ userId: graffiti, email: graffiti, role: 'viewer' });

/** Compares a cursor that names a row of another tenant with one that names no row. Their results must be equal. */
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

export const attacks: readonly Attack<MemberRow>[] = [
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

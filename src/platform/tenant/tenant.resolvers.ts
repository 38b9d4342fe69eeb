import { z } from 'zod';
import type { Resolvers } from '../../generated/graphql.js';
import { Prisma } from '../../generated/prisma/client.js';
import { badInput } from '../../kernel/vocabulary/errors.js';
import { updateExpecting, versionInput } from '../../kernel/graphql/expected-version.js';
import { jsonObject, parseInput, text } from '../../kernel/graphql/input.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import { fieldAccess } from '../../kernel/access/field-access.js';
import type { Role } from '../../kernel/vocabulary/permissions.js';
import type { TenantStatus } from '../../kernel/vocabulary/tenant-status.js';

const PLANS = ['free', 'starter', 'pro', 'team', 'business', 'enterprise'] as const;
const SETTINGS_LIMIT = 16 * 1024;

const updateTenantInput = z.object({
  name: text(1, 200).nullish(),
  settings: jsonObject(SETTINGS_LIMIT).nullish(),
  expectedVersion: versionInput,
});

const changePlanInput = z.object({ plan: z.enum(PLANS, `must be one of ${PLANS.join(', ')}`) });

export const resolvers: Resolvers = {
  TenantStatus: { ACTIVE: 'active', SUSPENDED: 'suspended' },
  Query: {
    me: (_parent, _args, { viewer }) => viewer,
    tenant: (_parent, _args, context) => ownTenant(context),
    plans: () => PLANS.map((name) => ({ name })),
  },
  Viewer: {
    email: (_viewer, _args, context) => viewerEmail(context),
    permissions: (viewer) => [...viewer.permissions].sort(),
    tenant: (_viewer, _args, context) => ownTenant(context),
    memberships: (_viewer, _args, context) => membershipsOfActor(context),
    fields: ({ permissions }, { type }, context) =>
      fieldAccess(context, permissions).filter((each) => type == null || each.type === type),
  },
  Mutation: {
    updateTenant: async (_parent, { input }, context, info) => {
      const { name, settings, expectedVersion } = parseInput(updateTenantInput, input);
      if (name == null && settings == null) throw badInput('Say what to change: name, settings.', 'input');
      const { db, viewer } = context;
      const where = { id: viewer.tenantId };
      const data = { ...(name != null && { name }), ...(settings != null && { settings }) };
      const tenant = await updateExpecting(
        expectedVersion,
        {
          type: 'Tenant',
          update: (at) => db.tenant.update({ where: { ...where, ...at }, data }),
          find: () => db.tenant.findUnique({ where }),
        },
        context,
        info,
      );
      return { tenant };
    },
    changePlan: async (_parent, { input }, { db, viewer }) => {
      const { plan } = parseInput(changePlanInput, input);
      return { tenant: await db.tenant.update({ where: { id: viewer.tenantId }, data: { plan } }) };
    },
  },
};

/** `me { tenant }` and `tenant` in one operation are one read. */
async function ownTenant({ loaders, viewer, db }: RequestContext) {
  const tenant = await loaders.load('tenant', viewer.tenantId, async () => {
    const row = await db.tenant.findUniqueOrThrow({ where: { id: viewer.tenantId } });
    return new Map([[row.id, row]]);
  });
  if (!tenant) throw new Error('the bound tenant has no row');
  return tenant;
}

/** The address that the identity provider has verified, else that of the membership. */
async function viewerEmail({ viewer, db }: RequestContext): Promise<string | null> {
  if (viewer.email !== undefined) return viewer.email;
  if (viewer.actor.type !== 'user') return null;
  const { tenantId, userId } = viewer;
  const membership = await db.membership.findUnique({
    where: { tenantId_userId: { tenantId, userId } },
    select: { email: true },
  });
  return membership?.email ?? null;
}

interface ActorMembership {
  readonly tenant_id: string;
  readonly slug: string;
  readonly name: string;
  readonly status: TenantStatus;
  readonly role: Role;
  readonly joined_at: Date;
}

/** The only code that reads beyond the tenant: the caller's own memberships, through a function of the kernel. */
async function membershipsOfActor({ db }: RequestContext) {
  const rows = await db.$queryRaw<ActorMembership>(Prisma.sql`SELECT * FROM tenantry.memberships_of_actor()`);
  return rows.map(({ tenant_id, slug, name, status, role, joined_at }) => ({
    role,
    joinedAt: joined_at,
    tenant: { id: tenant_id, slug, name, status },
  }));
}

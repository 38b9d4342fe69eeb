import { z } from 'zod';
import { Prisma } from '../../generated/prisma/client.js';
import type { Resolvers } from '../../generated/graphql.js';
import { badInput } from '../../kernel/vocabulary/errors.js';
import { updateExpecting, versionInput } from '../../kernel/graphql/expected-version.js';
import { jsonObject, parseInput, text } from '../../kernel/graphql/input.js';
import type { ReadNodes } from '../../kernel/graphql/node-reader.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import { fieldAccess } from '../../kernel/access/field-access.js';
import { ownTenant } from './own-tenant.js';
import { usageHistoryOf } from './usage-history.js';
import { usageOf } from './usage.js';
import { viewerId } from './viewer-id.js';
import { hasAllMemberships, membershipsById, membershipsOfActor } from './viewer-membership.js';

const SETTINGS_LIMIT = 16 * 1024;

const updateTenantInput = z.object({
  name: text(1, 200).nullish(),
  settings: jsonObject(SETTINGS_LIMIT).nullish(),
  expectedVersion: versionInput,
});

const updateSettingsInput = z.object({ settings: jsonObject(SETTINGS_LIMIT) });

const changePlanInput = z.object({ plan: z.string() });

export const resolvers: Resolvers = {
  TenantStatus: { ACTIVE: 'active', SUSPENDED: 'suspended' },
  Query: {
    me: (_parent, _args, { viewer }) => viewer,
    tenant: (_parent, _args, context) => ownTenant(context),
    settings: async (_parent, _args, context) => settingsIn(context, (await ownTenant(context)).settings),
    plans: (_parent, _args, { plans }) => plans.all.map(({ name }) => ({ name })),
  },
  Tenant: {
    // A tenant elsewhere is refused before: tenant-elsewhere.ts.
    usage: (tenant, _args, context) => ('plan' in tenant ? usageOf(tenant, context) : null),
    usageHistory: (tenant, { range }, context) =>
      'plan' in tenant ? usageHistoryOf(tenant.id, range ?? {}, context) : null,
  },
  Viewer: {
    id: (viewer) => viewerId(viewer),
    email: (_viewer, _args, context) => viewerEmail(context),
    permissions: (viewer) => [...viewer.permissions].sort(),
    tenant: (_viewer, _args, context) => ownTenant(context),
    memberships: (_viewer, _args, context) => membershipsOfActor(context),
    hasAllMemberships: (_viewer, _args, context) => hasAllMemberships(context),
    fields: ({ permissions }, { type }, context) =>
      fieldAccess(context, permissions).filter((each) => type == null || each.type === type),
  },
  Mutation: {
    updateTenant: async (_parent, { input }, context, info) => {
      const { name, settings, expectedVersion } = parseInput(updateTenantInput, input);
      if (name == null && settings == null) throw badInput('Say what to change: name, settings.', 'input');
      const { db, viewer } = context;
      if (settings != null) context.settings.check(settings);
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
    updateTenantSettings: async (_parent, { input }, context) => {
      const { settings: given } = parseInput(updateSettingsInput, input);
      const { db, viewer, settings } = context;
      const where = { id: viewer.tenantId };
      const tenant = await db.transaction(async (tx) => {
        // One change at a time: each keeps what the others have changed.
        const [row] = await tx.$queryRaw<{ settings: unknown }>(
          Prisma.sql`SELECT settings FROM public.tenants WHERE id = ${viewer.tenantId}::uuid FOR NO KEY UPDATE`,
        );
        const changed = parseInput(updateSettingsInput, { settings: settings.changed(row?.settings, given) });
        return tx.tenant.update({ where, data: changed });
      });
      return { tenant, settings: settingsIn(context, tenant.settings) };
    },
    changePlan: async (_parent, { input }, { db, viewer, plans }) => {
      const { plan } = parseInput(changePlanInput, input);
      if (!plans.has(plan)) throw badInput(`input.plan must be one of ${plans.names}.`, 'input.plan');
      return { tenant: await db.tenant.update({ where: { id: viewer.tenantId }, data: { plan } }) };
    },
  },
};

/** The declared settings with the values that are stored. */
function settingsIn({ settings }: Pick<RequestContext, 'settings'>, stored: unknown) {
  const values = Object.entries(settings.of(stored));
  return settings.declared.map((setting) => ({
    ...setting,
    value: values.find(([name]) => name === setting.name)?.[1] as unknown,
  }));
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

/** How objects without a model of their own are read by their ids. */
export const nodes: Readonly<Record<string, ReadNodes>> = {
  Viewer: async (ids, { viewer }) => {
    const id = viewerId(viewer);
    return ids.includes(id) ? [Object.assign(Object.create(viewer) as typeof viewer, { id })] : [];
  },
  ViewerMembership: membershipsById,
};

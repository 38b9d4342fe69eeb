import { z } from 'zod';
import { newApiKey } from '../../kernel/auth/api-key.js';
import { isRole, type Permission } from '../../kernel/vocabulary/permissions.js';
import { forbidden, notFound } from '../../kernel/vocabulary/errors.js';
import type { ApiKeyFilter, ApiKeyOrderField, Resolvers } from '../../generated/graphql.js';
import { Prisma } from '../../generated/prisma/client.js';
import { Page } from '../../kernel/graphql/connection.js';
import { matching, searchable, within } from '../../kernel/graphql/filter.js';
import { sortBy, type SortKey } from '../../kernel/graphql/sort-key.js';
import { parseInput, text } from '../../kernel/graphql/input.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import type { TenantTx } from '../../kernel/tenancy/tenant-client.js';
import { memberByUser } from '../membership/member-by-user.js';
import { havingStatus, statusOf } from './api-key-status.js';

const NAMED = 'must name at least one permission';

const createInput = z.object({
  name: text(1, 100),
  permissions: z.array(z.custom<Permission>()).min(1, NAMED),
  expiresAt: z
    .date()
    .refine((at) => at > new Date(), 'must lie in the future')
    .nullish(),
});

const SORT_KEYS: Readonly<Record<ApiKeyOrderField, SortKey>> = {
  CREATED_AT: sortBy('ApiKey', 'createdAt'),
};

export const resolvers: Resolvers = {
  ApiKeyStatus: { ACTIVE: 'active', EXPIRED: 'expired', REVOKED: 'revoked' },
  ApiKey: {
    status: (key) => statusOf(key),
    createdByMember: ({ createdBy }, _args, context) => memberByUser(context, createdBy),
    // Leaves out permissions of modules that are no longer installed.
    permissions: (key, _args, { roles }) =>
      roles.permissions.filter((permission) => key.permissions.includes(permission)),
  },
  Query: {
    apiKeys: async (_parent, { filter, orderBy, ...args }, { db }) => {
      const page = new Page(args, {
        key: SORT_KEYS[orderBy?.field ?? 'CREATED_AT'],
        direction: orderBy?.direction ?? 'desc',
      });
      const where = conditions(searchable(filter) ?? {});
      const rows = await db.apiKey.findMany({ ...page.query, where: { ...page.query.where, ...where } });
      return page.connection(rows, () => db.apiKey.count({ where }));
    },
  },
  Mutation: {
    createApiKey: async (_parent, { input }, { db, ...caller }) => {
      const { name, permissions, expiresAt } = parseInput(createInput, input);
      const { key, prefix, keyHash } = newApiKey(db.context.tenantId);
      const apiKey = await db.transaction(async (tx) => {
        const held = await permissionsOfCaller(tx, caller);
        for (const needed of ['settings:manage', ...permissions] as const) {
          if (!held.has(needed)) throw forbidden(needed);
        }
        return tx.apiKey.create({
          data: {
            name,
            prefix,
            keyHash,
            permissions: [...new Set(permissions)].sort(),
            createdBy: caller.viewer.userId,
            expiresAt: expiresAt ?? null,
          },
        });
      });
      return { secret: key, apiKey };
    },
    revokeApiKey: (_parent, { input }, { db }) =>
      db.transaction(async (tx) => {
        const key = tx.key(input.id);
        // Only once, so that the time of the first revocation is kept.
        await tx.apiKey.updateMany({
          where: { id: key.tenantId_id.id, revokedAt: null },
          data: { revokedAt: new Date() },
        });
        const apiKey = await tx.apiKey.findUnique({ where: key });
        if (!apiKey) throw notFound();
        return { apiKey };
      }),
  },
};

function conditions({ status, name, createdBy, createdAt }: ApiKeyFilter) {
  return {
    ...(status != null && havingStatus(status)),
    ...(name != null && { name: matching(name) }),
    ...(createdBy != null && { createdBy }),
    ...(createdAt != null && { createdAt: within(createdAt) }),
  };
}

/**
 * The caller's present permissions, locked until the transaction ends: a member who is being removed must not create a
 * key that would not be revoked with them.
 */
async function permissionsOfCaller(
  tx: TenantTx,
  { viewer: { tenantId, userId }, roles }: Pick<RequestContext, 'viewer' | 'roles'>,
): Promise<ReadonlySet<Permission>> {
  const [own] = await tx.$queryRaw<{ role: string }>(Prisma.sql`
    SELECT role FROM public.memberships WHERE tenant_id = ${tenantId}::uuid AND user_id = ${userId} FOR SHARE`);
  return own && isRole(own.role) ? roles.of(own.role) : new Set();
}

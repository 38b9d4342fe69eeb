/** The memberships of the caller, in whichever tenants. */
import type { Tenant } from '../../generated/prisma/client.js';
import { TenantElsewhere } from '../../kernel/graphql/tenant-elsewhere.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import type { Role } from '../../kernel/vocabulary/permissions.js';
import { unreachable } from '../../kernel/vocabulary/errors.js';
import {
  MEMBERSHIPS_OF_ACTOR,
  type ActorMembership,
  type ActorMemberships,
} from './memberships-elsewhere.js';
import { ownTenant } from './own-tenant.js';

/** One of the caller's own memberships. */
export interface ViewerMembership {
  /** Of the membership's row. */
  readonly id: string;
  readonly userId: string;
  readonly role: Role;
  readonly joinedAt: Date;
  readonly tenant: TenantElsewhere | Promise<Tenant>;
}

/**
 * The caller's memberships, the oldest first; none for an API key. The only code that reads beyond the tenant, through a
 * function of the kernel.
 */
export async function membershipsOfActor(context: RequestContext): Promise<ViewerMembership[]> {
  const { rows } = await rowsOfActor(context);
  return membershipsOf(rows, context);
}

/** Whether {@link membershipsOfActor} answers all of them. */
export const hasAllMemberships = async (context: RequestContext): Promise<boolean> =>
  (await rowsOfActor(context)).isAll;

/**
 * Those with these ids.
 *
 * @throws UNAVAILABLE when one is missing that a database may have which does not answer
 */
export async function membershipsById(
  ids: readonly string[],
  context: RequestContext,
): Promise<ViewerMembership[]> {
  const { rows, isAll } = await rowsOfActor(context);
  const found = rows.filter((row) => ids.includes(row.membership_id));
  if (!isAll && found.length < ids.length) throw unreachable();
  return membershipsOf(found, context);
}

/** Fields that ask in the same tick are one question. */
async function rowsOfActor(context: RequestContext): Promise<ActorMemberships> {
  const found = await context.loaders.load('memberships', '', async () => {
    const here = await context.db.$queryRaw<ActorMembership>(MEMBERSHIPS_OF_ACTOR);
    return new Map([['', await context.withMembershipsElsewhere(here, context)]]);
  });
  return found!;
}

function membershipsOf(rows: readonly ActorMembership[], context: RequestContext): ViewerMembership[] {
  const { viewer } = context;
  return rows.map(({ membership_id, role, joined_at, tenant_id: id, slug, name, status, ...rest }) => ({
    id: membership_id,
    userId: viewer.userId,
    role,
    joinedAt: joined_at,
    get tenant() {
      // In the tenant of the request, all its fields can be answered.
      if (id === viewer.tenantId) return ownTenant(context);
      const { created_at: createdAt, version } = rest;
      return new TenantElsewhere({ id, slug, name, status, createdAt, version });
    },
  }));
}

/** The memberships of the caller, in whichever tenants. */
import { Prisma, type Tenant } from '../../generated/prisma/client.js';
import { TenantElsewhere } from '../../kernel/graphql/tenant-elsewhere.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import type { Role } from '../../kernel/vocabulary/permissions.js';
import type { TenantStatus } from '../../kernel/vocabulary/tenant-status.js';
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

interface ActorMembership {
  readonly membership_id: string;
  readonly role: Role;
  readonly joined_at: Date;
  readonly tenant_id: string;
  readonly slug: string;
  readonly name: string;
  readonly status: TenantStatus;
  readonly created_at: Date;
  readonly version: number;
}

/**
 * The caller's memberships, the oldest first; none for an API key. The only code that reads beyond the tenant, through a
 * function of the kernel.
 */
export async function membershipsOfActor(context: RequestContext): Promise<ViewerMembership[]> {
  const { db, viewer } = context;
  const rows = await db.$queryRaw<ActorMembership>(Prisma.sql`SELECT * FROM tenantry.memberships_of_actor()`);
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

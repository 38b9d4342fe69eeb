/**
 * Looks up the tenant and the role of an operator's impersonation, through a database function that works before a tenant
 * is bound. Answers are cached briefly, see access-cache.ts, but not beyond the end of the impersonation.
 */
import type { AccessInvalidations } from '../notifications/access-invalidations.js';
import type { Database } from '../tenancy/database.js';
import { encodeId } from '../vocabulary/id.js';
import { isRole, type Role } from '../vocabulary/permissions.js';
import { AccessCache } from './access-cache.js';

/** An impersonation that has not ended. */
export interface ImpersonationAccess {
  readonly impersonationId: string;
  readonly operator: string;
  /** The member as whom the operator acts; undefined when the operator only has the role. */
  readonly userId: string | undefined;
  /** That of the member now, or the one that the operator chose. */
  readonly role: Role;
  readonly expiresAt: Date;
  readonly tenantId: string;
  readonly slug: string;
  readonly status: string;
  /** Why the tenant is suspended. */
  readonly suspensionReason?: string | undefined;
  /** The name of the tenant's plan. */
  readonly plan: string;
}

export interface ImpersonationResolver {
  /**
   * @param beforeLookUp is called before the database is asked; its error is thrown
   * @param tenantId the tenant that the secret names, which says where to ask; where there is one database, it is not needed
   * @returns undefined for one that is unknown or has ended, or whose member has left
   */
  resolve(
    tokenHash: string,
    beforeLookUp?: () => void,
    tenantId?: string,
  ): Promise<ImpersonationAccess | undefined>;
}

/** The id of the caller for whom an operator acts without a member: with its type, so that it is never a `sub` claim. */
export const actingAs = ({ userId, impersonationId }: ImpersonationAccess): string =>
  userId ?? encodeId('Impersonation', impersonationId);

/** Caches answers while notifications of changed access arrive. */
export function createImpersonationResolver(
  database: Database,
  invalidations: AccessInvalidations,
): ImpersonationResolver {
  const kept = new AccessCache<ImpersonationAccess>(invalidations);
  return {
    async resolve(tokenHash, beforeLookUp) {
      const access = await kept.get(
        tokenHash,
        async () => {
          beforeLookUp?.();
          return askDatabase(database, tokenHash);
        },
        (found) => ({ tenantId: found.tenantId, userId: actingAs(found) }),
      );
      return access && access.expiresAt.getTime() > Date.now() ? access : undefined;
    },
  };
}

interface ImpersonationRow {
  readonly impersonation_id: string;
  readonly operator: string;
  readonly user_id: string | null;
  readonly expires_at: Date;
  readonly role: string;
  readonly tenant_id: string;
  readonly slug: string;
  readonly status: string;
  readonly plan: string;
  readonly suspension_reason: string | null;
}

async function askDatabase(database: Database, tokenHash: string): Promise<ImpersonationAccess | undefined> {
  const [row] = await database.query<ImpersonationRow & Record<string, unknown>>(
    'SELECT * FROM tenantry.resolve_impersonation($1)',
    [tokenHash],
    // Anyone can invent such credentials, as API keys.
    { purpose: 'api-key' },
  );
  if (!row || !isRole(row.role)) return undefined;
  return {
    impersonationId: row.impersonation_id,
    operator: row.operator,
    userId: row.user_id ?? undefined,
    role: row.role,
    expiresAt: row.expires_at,
    tenantId: row.tenant_id,
    slug: row.slug,
    status: row.status,
    suspensionReason: row.suspension_reason ?? undefined,
    plan: row.plan,
  };
}

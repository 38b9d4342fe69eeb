/**
 * Looks up a tenant and a user's role in it, through a database function that works before a tenant is bound. Answers
 * are cached briefly, see access-cache.ts.
 */
import { isRole, type Role } from '../vocabulary/permissions.js';
import type { AccessInvalidations } from '../notifications/access-invalidations.js';
import type { Database } from '../tenancy/database.js';
import { AccessCache } from './access-cache.js';

/** A tenant, and one user's role in it. */
export interface Access {
  readonly tenantId: string;
  readonly slug: string;
  readonly status: string;
  /** Why the tenant is suspended, for its members. */
  readonly suspensionReason?: string | undefined;
  /** The name of the tenant's plan. */
  readonly plan: string;
  /** Undefined when the user is not a member. */
  readonly role: Role | undefined;
}

export interface AccessResolver {
  /**
   * @param tenantRef a tenant's id or slug
   * @returns undefined when there is no such tenant
   */
  resolve(tenantRef: string, userId: string): Promise<Access | undefined>;
}

/**
 * Caches the answers for members while notifications of changed access arrive. An answer is never used for another
 * tenant or user.
 */
export function createAccessResolver(database: Database, invalidations: AccessInvalidations): AccessResolver {
  const kept = new AccessCache<Access>(invalidations);
  return {
    resolve: (tenantRef, userId) =>
      kept.get(
        // The key has tenant and user, so an answer is never used for another tenant or user.
        JSON.stringify([tenantRef, userId]),
        () => findAccess(database, tenantRef, userId),
        // Only members' answers are cached: others could fill the memory with refusals.
        ({ tenantId, role }) => (role === undefined ? undefined : { tenantId, userId }),
      ),
  };
}

interface AccessRow {
  readonly tenant_id: string;
  readonly slug: string;
  readonly status: string;
  readonly plan: string;
  readonly role: string | null;
  readonly suspension_reason: string | null;
}

// eslint-disable-next-line no-control-regex -- they are what is looked for
const UNUSABLE = /[\u0000\u001f]/;

/** Looks up a tenant by id or slug in the database, without the cache. */
export async function findAccess(
  database: Pick<Database, 'query' | 'sign'>,
  tenantRef: string,
  userId: string,
): Promise<Access | undefined> {
  // PostgreSQL cannot store U+0000, and text with U+001F cannot be signed: no tenant or user has such a name.
  if (UNUSABLE.test(tenantRef) || UNUSABLE.test(userId)) return undefined;
  const { expires, signature } = database.sign('resolve_access', tenantRef, userId);
  const [row] = await database.query<AccessRow>(
    'SELECT tenant_id, slug, status, plan, role, suspension_reason FROM tenantry.resolve_access($1, $2, $3, $4)',
    [tenantRef, userId, expires, signature],
    { purpose: 'access', caller: userId },
  );
  if (!row) return undefined;
  const { tenant_id: tenantId, slug, status, plan, role, suspension_reason: reason } = row;
  return {
    tenantId,
    slug,
    status,
    suspensionReason: reason ?? undefined,
    plan,
    role: role !== null && isRole(role) ? role : undefined,
  };
}

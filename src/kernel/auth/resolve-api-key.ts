/**
 * Looks up the tenant and the permissions of an API key, through a database function that works before a tenant is
 * bound. Answers are cached briefly, see access-cache.ts, but not beyond the key's expiry. A missing key is cached too,
 * for a shorter time, because a program continues to send its key after it was revoked.
 */
import { isRole, type Role } from '../vocabulary/permissions.js';
import type { AccessInvalidations } from '../notifications/access-invalidations.js';
import type { Database } from '../tenancy/database.js';
import { AccessCache } from './access-cache.js';

/** A key that is neither expired nor revoked, and whose creator is a member of its tenant. */
export interface ApiKeyAccess {
  readonly apiKeyId: string;
  readonly tenantId: string;
  readonly slug: string;
  readonly status: string;
  /** Why the tenant is suspended. */
  readonly suspensionReason?: string | undefined;
  /** The name of the tenant's plan. */
  readonly plan: string;
  /** The permissions that the key was created with. */
  readonly permissions: readonly string[];
  /** The present role of its creator, which limits the key's permissions. */
  readonly creatorRole: Role;
  readonly expiresAt: Date | null;
  readonly createdBy: string;
}

export interface ApiKeyResolver {
  /**
   * @param beforeLookUp is called before the database is asked; its error is thrown
   * @param tenantId the tenant that the secret names, which says where to ask; where there is one database, it is not needed
   * @returns undefined for a key that is unknown, expired or revoked, or whose creator has left
   */
  resolve(keyHash: string, beforeLookUp?: () => void, tenantId?: string): Promise<ApiKeyAccess | undefined>;
}

/**
 * Caches answers, including missing keys, while notifications of changed access arrive. A cached key is refused from
 * its expiry on.
 */
export function createApiKeyResolver(database: Database, invalidations: AccessInvalidations): ApiKeyResolver {
  const kept = new AccessCache<ApiKeyAccess>(invalidations, { absences: true });
  return {
    async resolve(keyHash, beforeLookUp) {
      const access = await kept.get(
        keyHash,
        async () => {
          beforeLookUp?.();
          return askDatabase(database, keyHash);
        },
        ({ tenantId, createdBy }) => ({ tenantId, userId: createdBy }),
      );
      return access && !hasExpired(access) ? access : undefined;
    },
  };
}

const hasExpired = ({ expiresAt }: ApiKeyAccess): boolean =>
  expiresAt !== null && expiresAt.getTime() <= Date.now();

interface ApiKeyRow {
  readonly api_key_id: string;
  readonly permissions: readonly string[];
  readonly expires_at: Date | null;
  readonly created_by: string;
  readonly creator_role: string;
  readonly tenant_id: string;
  readonly slug: string;
  readonly status: string;
  readonly plan: string;
  readonly suspension_reason: string | null;
}

async function askDatabase(database: Database, keyHash: string): Promise<ApiKeyAccess | undefined> {
  const [row] = await database.query<ApiKeyRow>('SELECT * FROM tenantry.resolve_api_key($1)', [keyHash], {
    purpose: 'api-key',
  });
  if (!row || !isRole(row.creator_role)) return undefined;
  return {
    apiKeyId: row.api_key_id,
    tenantId: row.tenant_id,
    slug: row.slug,
    status: row.status,
    suspensionReason: row.suspension_reason ?? undefined,
    plan: row.plan,
    permissions: row.permissions,
    creatorRole: row.creator_role,
    expiresAt: row.expires_at,
    createdBy: row.created_by,
  };
}

/**
 * Answers which tenant is meant, and what a user is in it: from the database, through the one function that may look
 * before a tenant is bound. Answers are kept briefly. A change of a membership or of a tenant's status reaches every
 * server as a notification and takes effect within a second; while a server cannot be sure to be told, it asks the
 * database every time.
 */
import { LRUCache } from 'lru-cache';
import { isRole, type Role } from '../access/permissions.js';
import type { AccessNews } from './access-news.js';
import type { Database } from './database.js';

/** A tenant as seen by one user. */
export interface Access {
  readonly tenantId: string;
  readonly slug: string;
  readonly status: string;
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

const KEPT_FOR_MS = 30_000;
const KEPT_AT_MOST = 50_000;

export function createAccessResolver(database: Database, news: AccessNews): AccessResolver {
  // Keyed by tenant and user together, so that an answer can never serve another tenant or another user. Only a
  // member's answer is kept: strangers could fill the memory with refusals.
  const kept = new LRUCache<string, Kept>({ max: KEPT_AT_MOST, ttl: KEPT_FOR_MS });
  // Counts what could have changed answers, silence of the news included, so that an answer that was on its way then
  // is not kept.
  let changes = 0;
  news.onChange((change) => {
    changes++;
    for (const [key, { access, userId }] of kept) {
      const concerned =
        change === undefined || (change.tenantId === access.tenantId && (change.userId ?? userId) === userId);
      if (concerned) kept.delete(key);
    }
  });

  return {
    async resolve(tenantRef, userId) {
      const key = JSON.stringify([tenantRef, userId]);
      const heardBefore = news.isLive;
      const known = heardBefore ? kept.get(key) : undefined;
      if (known) return known.access;
      const before = changes;
      const access = await askDatabase(database, tenantRef, userId);
      if (access?.role !== undefined && heardBefore && changes === before) {
        kept.set(key, { access, userId });
      }
      return access;
    },
  };
}

interface Kept {
  readonly access: Access;
  readonly userId: string;
}

interface AccessRow {
  readonly tenant_id: string;
  readonly slug: string;
  readonly status: string;
  readonly role: string | null;
}

async function askDatabase(
  database: Database,
  tenantRef: string,
  userId: string,
): Promise<Access | undefined> {
  // PostgreSQL cannot store U+0000, so that nothing is called by such a name.
  if (tenantRef.includes('\u0000') || userId.includes('\u0000')) return undefined;
  const [row] = await database.query<AccessRow>(
    'SELECT tenant_id, slug, status, role FROM tenantry.resolve_access($1, $2)',
    [tenantRef, userId],
  );
  if (!row) return undefined;
  const { tenant_id: tenantId, slug, status, role } = row;
  return { tenantId, slug, status, role: role !== null && isRole(role) ? role : undefined };
}

import { notFound } from '../vocabulary/errors.js';
import type { Database } from '../tenancy/database.js';
import { findAccess } from './resolve-access.js';

/**
 * A member of a tenant, by e-mail address or user id, for tools that act as this member.
 *
 * @throws NOT_FOUND when there is no such tenant or member
 */
export async function findMember(
  database: Database,
  tenantRef: string,
  user: string,
): Promise<{ readonly userId: string; readonly email: string; readonly tenantId: string }> {
  const tenant = await findAccess(database, tenantRef, user);
  if (!tenant) throw notFound(`tenant ${tenantRef}`);
  const db = database.forTenant({
    tenantId: tenant.tenantId,
    actor: { type: 'system', id: 'find-member' },
    requestId: 'find-member',
  });
  const member = await db.membership.findFirst({ where: { OR: [{ email: user }, { userId: user }] } });
  if (!member) throw notFound(`member ${user} of ${tenantRef}`);
  return { userId: member.userId, email: member.email, tenantId: tenant.tenantId };
}

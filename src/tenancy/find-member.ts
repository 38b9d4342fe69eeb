import { notFound } from '../errors.js';
import type { Database } from './database.js';

/**
 * A member of a tenant, by e-mail address or user id: for tools that act on a person's behalf.
 *
 * @throws NOT_FOUND when there is no such tenant or member
 */
export async function findMember(
  database: Database,
  tenantRef: string,
  user: string,
): Promise<{ readonly userId: string; readonly email: string; readonly tenantId: string }> {
  const [tenant] = await database.query<{ tenant_id: string }>(
    'SELECT tenant_id FROM tenantry.resolve_access($1, $2)',
    [tenantRef, user],
  );
  if (!tenant) throw notFound();
  const db = database.forTenant({
    tenantId: tenant.tenant_id,
    actor: { type: 'system', id: 'find-member' },
    requestId: 'find-member',
  });
  const member = await db.membership.findFirst({ where: { OR: [{ email: user }, { userId: user }] } });
  if (!member) throw notFound();
  return { userId: member.userId, email: member.email, tenantId: tenant.tenant_id };
}

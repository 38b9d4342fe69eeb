/**
 * Impersonations: an operator acts in a tenant through the tenants' door, with a role or as a member, for a reason and until
 * an end. The tenant sees each, with its reason, and can end it.
 */
import { newImpersonation } from '../../kernel/auth/impersonation.js';
import { conflict, notFound } from '../../kernel/vocabulary/errors.js';
import type { Role } from '../../kernel/vocabulary/permissions.js';
import type { OperatorConnection, OperatorQuery } from './operator-connection.js';
import { findTenant, type TenantChange } from './tenants.js';

/** An impersonation, without its credential. */
export interface ImpersonationRow {
  readonly id: string;
  readonly operator: string;
  readonly reason: string;
  readonly role: Role;
  /** The member as whom the operator acts; null when the operator only has the role. */
  readonly userId: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly endedAt: Date | null;
  readonly endedBy: string | null;
}

/** The longest impersonation, in minutes. */
export const MOST_MINUTES = 480;

const COLUMNS = `id, operator, reason, role, user_id AS "userId", created_at AS "createdAt", expires_at AS "expiresAt",
  ended_at AS "endedAt", ended_by AS "endedBy"`;

/** The most impersonations that are shown. */
const MOST_SHOWN = 100;

/** As whom an operator acts: a member, or nobody with a role. */
export type ActAs = { readonly userId: string } | { readonly role: Role };

/**
 * Begins an impersonation.
 *
 * @returns it and its credential, which is shown this once
 * @throws NOT_FOUND when there is no such tenant, or no such member; CONFLICT when the tenant is suspended
 */
export async function beginImpersonation(
  connection: OperatorConnection,
  { slug, reason, minutes, actAs }: TenantChange & { readonly minutes: number; readonly actAs: ActAs },
): Promise<{ readonly credential: string; readonly impersonation: ImpersonationRow }> {
  const tenant = await findTenant(connection, slug);
  if (tenant.status !== 'active') throw conflict('The tenant is suspended: nobody can act in it.');
  const { credential, tokenHash } = newImpersonation(tenant.id);
  const impersonation = await connection.acting(
    tenant.id,
    { action: 'impersonation_begun', reason },
    async (query) => {
      const role = await roleOf(query, tenant.id, actAs);
      const [row] = await query<ImpersonationRow & Record<string, unknown>>(
        `INSERT INTO public.impersonations (operator, reason, role, user_id, token_hash, expires_at)
         VALUES ($1, $2, $3, $4, $5, now() + $6 * interval '1 minute') RETURNING ${COLUMNS}`,
        [connection.operator, reason, role, 'userId' in actAs ? actAs.userId : null, tokenHash, minutes],
      );
      return row!;
    },
  );
  return { credential, impersonation };
}

/**
 * Ends an impersonation of any operator, on every server within a second of the commit.
 *
 * @throws NOT_FOUND; CONFLICT when it has ended
 */
export async function endImpersonation(
  connection: OperatorConnection,
  { slug, reason, id }: TenantChange & { readonly id: string },
): Promise<ImpersonationRow> {
  const tenant = await findTenant(connection, slug);
  return connection.acting(tenant.id, { action: 'impersonation_ended', reason }, async (query) => {
    const [found] = await query<{ ended: boolean }>(
      `SELECT ended_at IS NOT NULL OR expires_at <= now() AS ended FROM public.impersonations
       WHERE tenant_id = $1 AND id = $2 FOR UPDATE`,
      [tenant.id, id],
    );
    if (!found) throw notFound(`impersonation ${id} of this tenant`);
    if (found.ended) throw conflict('The impersonation has ended.');
    const [row] = await query<ImpersonationRow & Record<string, unknown>>(
      `UPDATE public.impersonations SET ended_at = now(), ended_by = $3 WHERE tenant_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
      [tenant.id, id, connection.operator],
    );
    return row!;
  });
}

/** The newest impersonations of a tenant. */
export const listImpersonations = (
  { query }: Pick<OperatorConnection, 'query'>,
  tenantId: string,
): Promise<ImpersonationRow[]> =>
  query<ImpersonationRow & Record<string, unknown>>(
    `SELECT ${COLUMNS} FROM public.impersonations WHERE tenant_id = $1
     ORDER BY created_at DESC, id DESC LIMIT ${String(MOST_SHOWN)}`,
    [tenantId],
  );

async function roleOf(query: OperatorQuery, tenantId: string, actAs: ActAs): Promise<Role> {
  if ('role' in actAs) return actAs.role;
  const [member] = await query<{ role: Role }>(
    'SELECT role FROM public.memberships WHERE tenant_id = $1 AND user_id = $2',
    [tenantId, actAs.userId],
  );
  if (!member) throw notFound(`member ${actAs.userId} of this tenant`);
  return member.role;
}

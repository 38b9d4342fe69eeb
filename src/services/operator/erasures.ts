/** Operators' work on the erasure of a tenant. docs/tenant-life.md has the steps of an erasure. */
import { badInput, notFound } from '../../kernel/vocabulary/errors.js';
import type { OperatorConnection, OperatorQuery } from './operator-connection.js';
import { findTenant, type TenantChange, type TenantRow } from './tenants.js';

/** `running`: it has begun, and cannot be cancelled. */
export type ErasureState = 'requested' | 'running';

/** An erasure that was asked for. When it is done, only its certificate is left. */
export interface ErasureRow {
  readonly state: ErasureState;
  readonly requestedBy: string;
  readonly requestedAt: Date;
  readonly executeAt: Date;
}

/** The erasure of a tenant; undefined when nobody has asked for one. */
export async function findErasure(
  { query }: { readonly query: OperatorQuery },
  tenantId: string,
): Promise<ErasureRow | undefined> {
  const [erasure] = await query<ErasureRow & Record<string, unknown>>(
    `SELECT state, actor AS "requestedBy", requested_at AS "requestedAt", execute_at AS "executeAt"
     FROM tenantry.erasures WHERE subject = $1`,
    [tenantId],
  );
  return erasure;
}

export interface ErasureRequest extends TenantChange {
  /** `erase`, a space and the slug. */
  readonly confirm: string;
  /** Seconds until servers begin with it. */
  readonly waitSeconds: number;
}

/**
 * Suspends a tenant at once, and has the servers erase it when the time has come. An erasure that was asked for before keeps
 * its time, unless the new one is sooner.
 *
 * @throws NOT_FOUND; BAD_USER_INPUT when it is not confirmed
 */
export async function requestErasure(
  connection: OperatorConnection,
  { slug, confirm, reason, waitSeconds }: ErasureRequest,
): Promise<TenantRow> {
  const tenant = await findTenant(connection, slug);
  if (confirm !== `erase ${slug}`) {
    throw badInput('input.confirm must be `erase`, a space and the slug of the tenant.', 'input.confirm');
  }
  const { expires, signature } = connection.sign(
    'request_erasure',
    tenant.id,
    connection.operator,
    String(waitSeconds),
  );
  await connection.acting(tenant.id, { action: 'erasure_requested', reason }, async (query) => {
    await query(
      `SELECT tenantry.cancel_erasure() FROM tenantry.erasures e
       WHERE e.subject = $1 AND e.state = 'requested' AND e.execute_at > now() + $2 * interval '1 second'`,
      [tenant.id, waitSeconds],
    );
    await query('SELECT tenantry.request_erasure($1, $2, $3)', [waitSeconds, expires, signature]);
  });
  return findTenant(connection, slug);
}

/**
 * Cancels an erasure that has not begun. The tenant is what it was before: in use, or suspended.
 *
 * @throws NOT_FOUND when there is no such tenant, or no such erasure
 */
export async function cancelErasure(
  connection: OperatorConnection,
  { slug, reason }: TenantChange,
): Promise<TenantRow> {
  const tenant = await findTenant(connection, slug);
  await connection.acting(tenant.id, { action: 'erasure_cancelled', reason }, async (query) => {
    const [done] = await query<{ cancelled: boolean }>('SELECT tenantry.cancel_erasure() AS cancelled');
    if (!done!.cancelled) throw notFound();
  });
  return findTenant(connection, slug);
}

/** The statement that binds the transaction of a batch to its tenant. */
import { signContext, type Sign } from '../database/context-signature.js';
import type { TenantContext } from '../request/tenant-context.js';
import { statementTimeoutOf } from './time-limits.js';

/** Binds a transaction to a tenant. */
export const BIND = 'SELECT tenantry.bind($1::uuid, $2, $3, $4, $5::int, $6::boolean, $7::bigint, $8)';
/** The same, and a job that the transaction queues continues the trace. */
const BIND_TRACED = `${BIND}, pg_catalog.set_config('app.traceparent', $9, true)`;

/** The binding, signed for this moment. */
export function bindingOf(
  context: TenantContext,
  purpose: 'read' | 'write',
  { statementTimeout, sign }: { readonly statementTimeout: number; readonly sign: Sign },
): { readonly text: string; readonly values: readonly (string | null)[] } {
  const { tenantId, actor, requestId, usage } = context;
  const { expires, signature } = signContext(sign, context);
  const values = [
    tenantId,
    actor.id,
    actor.type,
    requestId,
    String(statementTimeoutOf(context, statementTimeout)),
    String(purpose === 'read'),
    expires,
    signature,
  ];
  return usage?.trace && purpose === 'write'
    ? { text: BIND_TRACED, values: [...values, usage.trace.traceparent] }
    : { text: BIND, values };
}

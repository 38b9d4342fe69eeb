/** How a transaction on tenant data begins: its first statement binds it, and its time is limited. */
import { Prisma } from '../../generated/prisma/client.js';
import type { Signature } from '../database/context-signature.js';
import { statementTimeoutOf } from '../driver/time-limits.js';
import type { Deadline } from '../request/deadline.js';
import type { TenantContext } from '../request/tenant-context.js';
import type { TransactionLimits } from './tenant-client.js';

/** Prisma gives up a moment after what runs was cancelled: then it still hears how that ended. */
const CANCELLED_BEFORE_MS = 1_000;

/** A transaction neither waits nor lasts longer than its request. */
export const prismaLimits = ({ maxWait, timeout }: TransactionLimits, deadline: Deadline | undefined) => {
  if (!deadline) return { maxWait, timeout: timeout + CANCELLED_BEFORE_MS };
  const remaining = Math.ceil(deadline.remaining) + 1;
  return {
    maxWait: Math.min(maxWait, remaining),
    timeout: Math.min(timeout, remaining) + CANCELLED_BEFORE_MS,
  };
};

/** The statement that opens every transaction on tenant data; `tenantry.bind` says what it sets and why so. */
export function bindingStatement(
  context: TenantContext,
  { expires, signature }: Signature,
  limits: TransactionLimits,
  readOnly: boolean,
): Prisma.Sql {
  const { tenantId, actor, requestId } = context;
  const statementTimeout = statementTimeoutOf(context, limits.statementTimeout);
  return Prisma.sql`SELECT tenantry.bind(${tenantId}::uuid, ${actor.id}, ${actor.type}, ${requestId}, ${statementTimeout}::int, ${readOnly}, ${expires}::bigint, ${signature})`;
}

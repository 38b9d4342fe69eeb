/** Binds a transaction to its tenant with its first statement, and limits its time. */
import { Prisma } from '../../generated/prisma/client.js';
import type { Signature } from '../database/context-signature.js';
import { newestMigration } from '../database/schemas/own-schema.js';
import { statementTimeoutOf } from '../driver/time-limits.js';
import type { TenantContext } from '../request/tenant-context.js';
import type { TransactionLimits } from './tenant-client.js';

/**
 * Prisma's time limit ends this much after a statement is cancelled, so that Prisma still receives the statement's
 * error.
 */
const CANCELLED_BEFORE_MS = 1_000;

/** Prisma's limits of a transaction, in milliseconds: it neither waits nor lasts longer than its request. */
export const prismaLimits = (
  { maxWait, timeout: byDefault }: TransactionLimits,
  { deadline, plan }: Pick<TenantContext, 'deadline' | 'plan'>,
) => {
  const timeout = plan?.transactionTimeoutMs ?? byDefault;
  if (!deadline) return { maxWait, timeout: timeout + CANCELLED_BEFORE_MS };
  const remaining = Math.ceil(deadline.remaining) + 1;
  return {
    maxWait: Math.min(maxWait, remaining),
    timeout: Math.min(timeout, remaining) + CANCELLED_BEFORE_MS,
  };
};

/**
 * The first statement of every transaction on tenant data. The comment of `tenantry.bind` says what it sets and why.
 *
 * @param schema that of the tenant, when it has one of its own
 */
export function bindingStatement(
  context: TenantContext,
  { expires, signature }: Signature,
  limits: TransactionLimits,
  readOnly: boolean,
  schema: string | undefined,
): Prisma.Sql {
  const { tenantId, actor, requestId } = context;
  const statementTimeout = statementTimeoutOf(context, limits.statementTimeout);
  const bind =
    schema === undefined
      ? Prisma.sql`SELECT tenantry.bind(${tenantId}::uuid, ${actor.id}, ${actor.type}, ${requestId}, ${statementTimeout}::int, ${readOnly}, ${expires}::bigint, ${signature})`
      : Prisma.sql`SELECT tenantry.bind_placed(${tenantId}::uuid, ${actor.id}, ${actor.type}, ${requestId}, ${statementTimeout}::int, ${readOnly}, ${expires}::bigint, ${signature}, ${schema}, ${newestMigration()}), pg_catalog.set_config('search_path', pg_catalog.concat(pg_catalog.quote_ident(${schema}), ', public, pg_temp'), true)`;
  const trace = context.usage?.trace;
  // A job that the transaction queues continues the trace.
  return trace && !readOnly
    ? Prisma.sql`${bind}, pg_catalog.set_config('app.traceparent', ${trace.traceparent}, true)`
    : bind;
}

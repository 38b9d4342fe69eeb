/** Applies a request's deadline to its transactions. */
import { DriverAdapterError } from '@prisma/driver-adapter-utils';
import { sqlState } from '../vocabulary/sql-state.js';
import { PublicError, publicError, withCause } from '../vocabulary/errors.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { TenantContext } from '../request/tenant-context.js';

type Timed = Pick<TenantContext, 'deadline'>;
type Limited = Pick<TenantContext, 'deadline' | 'plan'>;

/** PostgreSQL's own limit ends this much after the deadline, in case the cancel request was lost. */
const MOMENT_MS = 250;

/**
 * The longest duration of a statement in whole milliseconds: the limit of the tenant's plan, and not much more than the
 * request's remaining time.
 *
 * @param byDefault the limit of contexts without a plan
 */
export function statementTimeoutOf({ deadline, plan }: Limited, byDefault: number): number {
  const longest = plan?.statementTimeoutMs ?? byDefault;
  return deadline ? Math.min(longest, Math.ceil(deadline.remaining) + MOMENT_MS) : longest;
}

/**
 * The error of a failed operation. After the deadline, errors of the database or the connection become the deadline's
 * error. Errors that a resolver throws stay unchanged.
 */
export function explained(failure: unknown, { deadline }: Timed): unknown {
  if (!deadline?.isOver || failure instanceof PublicError) return failure;
  const isOfDatabase =
    sqlState(failure) !== undefined ||
    failure instanceof DriverAdapterError ||
    failure instanceof Prisma.PrismaClientKnownRequestError;
  const known = publicError(failure);
  const isOutOfTime = known?.code === 'UNAVAILABLE' || (isOfDatabase && !known);
  return isOutOfTime ? withCause(deadline.error, failure) : failure;
}

/**
 * Runs an operation of an open transaction. After the deadline nothing begins, even if code continues after a failure.
 *
 * @throws DEADLINE_EXCEEDED; whatever the operation throws
 */
export async function inTimeLimits<Result>(
  context: Timed,
  operation: () => Promise<Result>,
): Promise<Result> {
  context.deadline?.throwIfOver();
  try {
    return await operation();
  } catch (error) {
    throw explained(error, context);
  }
}

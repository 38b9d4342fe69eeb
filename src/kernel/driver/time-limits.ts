/** What a request's deadline means for its transactions. */
import { DriverAdapterError } from '@prisma/driver-adapter-utils';
import { sqlState } from '../vocabulary/sql-state.js';
import { PublicError, publicError, withCause } from '../vocabulary/errors.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { TenantContext } from '../request/tenant-context.js';

type Timed = Pick<TenantContext, 'deadline'>;

/** PostgreSQL's own limit comes a moment after the deadline: it is for a request to cancel that got lost. */
const MOMENT_MS = 250;

/** How long a statement may run, in whole milliseconds: never much longer than the request has left. */
export const statementTimeoutOf = ({ deadline }: Timed, longest: number): number =>
  deadline ? Math.min(longest, Math.ceil(deadline.remaining) + MOMENT_MS) : longest;

/**
 * Why an operation failed. Once the deadline has passed, that is the reason for whatever the database or the connection
 * reports. What a resolver throws for a reason of its own stays as it is.
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
 * Runs an operation of an open transaction. Code that goes on after a failure begins nothing else once the time is up.
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

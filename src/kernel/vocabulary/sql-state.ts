/** Finds PostgreSQL's own error code behind what Prisma and pg throw. */
import { DriverAdapterError } from '@prisma/driver-adapter-utils';
import { Prisma } from '../../generated/prisma/client.js';

/**
 * The SQLSTATE of a failed statement, or undefined when PostgreSQL did not refuse it. Prisma folds several codes
 * into its own (P2034, P2039, P2010); the original stays in `meta.driverAdapterError`.
 */
export function sqlState(error: unknown): string | undefined {
  const cause = driverCause(error);
  if (cause) return cause.originalCode;
  if (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^[0-9A-Z]{5}$/.test(error.code)
  ) {
    return error.code;
  }
  return undefined;
}

interface DriverCause {
  /** What kind of failure the adapter takes it for. */
  readonly kind?: string;
  readonly originalCode?: string;
  readonly originalMessage?: string;
}

/** What the database driver reported behind an error of Prisma; undefined for any other error. */
export function driverCause(error: unknown): DriverCause | undefined {
  if (error instanceof Prisma.PrismaClientKnownRequestError) {
    const meta = error.meta as { driverAdapterError?: { cause?: DriverCause } } | undefined;
    return meta?.driverAdapterError?.cause ?? {};
  }
  // A failed COMMIT reaches the caller as the driver reported it.
  return error instanceof DriverAdapterError ? error.cause : undefined;
}

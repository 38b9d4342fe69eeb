/** Finds PostgreSQL's error code in errors of Prisma and pg. */
import { DriverAdapterError } from '@prisma/driver-adapter-utils';
import { Prisma } from '../../generated/prisma/client.js';

/**
 * The SQLSTATE of a failed statement, or undefined when PostgreSQL did not refuse it. Prisma maps several codes to one
 * of its own (P2034, P2039, P2010); the original is in `meta.driverAdapterError`.
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
  /** The adapter's classification of the failure. */
  readonly kind?: string;
  readonly originalCode?: string;
  readonly originalMessage?: string;
}

/** The database driver's error inside an error of Prisma; undefined for any other error. */
export function driverCause(error: unknown): DriverCause | undefined {
  if (error instanceof Prisma.PrismaClientKnownRequestError) {
    const meta = error.meta as { driverAdapterError?: { cause?: DriverCause } } | undefined;
    return meta?.driverAdapterError?.cause ?? {};
  }
  // Prisma passes on the driver's error of a failed COMMIT unchanged.
  return error instanceof DriverAdapterError ? error.cause : undefined;
}

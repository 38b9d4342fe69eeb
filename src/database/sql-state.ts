/** Finds PostgreSQL's own error code behind what Prisma and pg throw. */
import { Prisma } from '../generated/prisma/client.js';

/**
 * The SQLSTATE of a failed statement, or undefined when PostgreSQL did not refuse it. Prisma folds several codes
 * into its own (P2034, P2039, P2010); the original stays in `meta.driverAdapterError`.
 */
export function sqlState(error: unknown): string | undefined {
  if (error instanceof Prisma.PrismaClientKnownRequestError) {
    return driverCause(error)?.originalCode;
  }
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

/** What the database driver reported behind a Prisma error. */
export function driverCause(
  error: InstanceType<typeof Prisma.PrismaClientKnownRequestError>,
): { readonly originalCode?: string; readonly constraint?: { readonly index?: string } } | undefined {
  return (error.meta as { driverAdapterError?: { cause?: object } } | undefined)?.driverAdapterError?.cause;
}

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
  readonly constraint?: object | undefined;
  readonly table?: string | undefined;
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

/**
 * The code and the message of PostgreSQL or the driver, for the log. PostgreSQL may repeat a value of the statement in it: leave
 * it out where values come from callers whom nobody knows.
 */
export function failureDetail(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { originalCode, originalMessage } = driverCause(error) ?? {};
  const code = originalCode ?? ('code' in error && typeof error.code === 'string' ? error.code : '');
  // Prisma's messages begin with an excerpt of the source.
  const message = originalMessage ?? error.message.trim().split('\n').at(-1) ?? '';
  return `${code} ${message}`.trim();
}

/** The SQLSTATE of a second row with the same unique key. */
const UNIQUE_VIOLATION = '23505';

/** A unique key by its names in the database. */
export interface UniqueKey {
  readonly table: string;
  readonly index: string;
}

/**
 * The unique key that a statement violated; undefined for other errors. PostgreSQL does not say its columns, because the
 * table has row-level security.
 */
export function violatedKey(error: unknown): UniqueKey | undefined {
  if (sqlState(error) !== UNIQUE_VIOLATION) return undefined;
  const cause = driverCause(error);
  const ofPg = error as { readonly table?: string; readonly constraint?: string };
  const ofPrisma = cause?.constraint as { readonly index?: string } | undefined;
  const [table, index] = cause ? [cause.table, ofPrisma?.index] : [ofPg.table, ofPg.constraint];
  return table === undefined || index === undefined ? undefined : { table, index };
}

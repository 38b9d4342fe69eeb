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

/** The SQLSTATE of a second row with the same unique key. */
const UNIQUE_VIOLATION = '23505';

/**
 * The columns of the unique key that a statement violated, in the order of the key; none for other errors and for keys
 * of expressions. In an error of Prisma they are where `TenantryAdapter` puts them.
 */
export function violatedColumns(error: unknown): readonly string[] {
  if (sqlState(error) !== UNIQUE_VIOLATION) return [];
  const { fields } = (driverCause(error)?.constraint ?? {}) as { readonly fields?: readonly string[] };
  return fields ?? columnsOfDetail(error);
}

/**
 * The columns in the detail of an error of pg: `Key (tenant_id, email)=(…) already exists.` The words are in the language
 * of the database.
 */
export function columnsOfDetail(error: unknown): readonly string[] {
  const detail = error instanceof Error && 'detail' in error ? String(error.detail) : '';
  const columns = /\(([^()]+)\)=\(/.exec(detail)?.[1]?.split(', ') ?? [];
  return columns.map((column) => column.replace(/^"(.*)"$/, '$1'));
}

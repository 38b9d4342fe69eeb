/**
 * The errors with the codes of the closed list (error-codes.ts), and the masking: every other error is sent as
 * INTERNAL_SERVER_ERROR with the request id, and is logged in full.
 */
import { inspect } from 'node:util';
import { GraphQLError } from 'graphql';
import { Prisma } from '../../generated/prisma/client.js';
import type { ErrorCode } from './error-codes.js';
import { driverCause, sqlState } from './sql-state.js';

export { ERROR_STATUS, type ErrorCode } from './error-codes.js';

/**
 * An expected failure: its message is meant for the client. It has no stack, which would be most of what it costs: an
 * answer can have thousands of such errors, and a server that refuses does little else.
 */
export class PublicError extends GraphQLError {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      super(message, { extensions: { code, ...details } });
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
    this.code = code;
  }
}

/** @param requires what is missing, in the notation of permissions: `billing:manage` */
export const forbidden = (requires: string) =>
  new PublicError('FORBIDDEN', `This needs the permission ${requires}.`, { requires });

/**
 * The message is the same for a row of another tenant and for one that does not exist.
 *
 * @param what names what was looked for, for operators and commands, which see all tenants: `tenant acme`
 */
export const notFound = (what = 'such object') => new PublicError('NOT_FOUND', `There is no ${what}.`);

/**
 * @param details extensions that the client gets in addition to the code; never a value that the caller may not read
 */
export const conflict = (message: string, details: Readonly<Record<string, unknown>> = {}) =>
  new PublicError('CONFLICT', message, details);

/** @param reason why the tenant is suspended, if an operator has said so: only for its members */
export const tenantSuspended = (reason: string | undefined) =>
  new PublicError('TENANT_SUSPENDED', 'This tenant is suspended.', reason === undefined ? {} : { reason });

/** @param field the path of the invalid input, `input.body` */
export const badInput = (message: string, field?: string) =>
  new PublicError('BAD_USER_INPUT', message, field === undefined ? {} : { field });

/** Nothing was done, or its end is unknown; the same may succeed later. */
export const unavailable = () =>
  new PublicError('UNAVAILABLE', 'The server is too busy to answer in time. Try again later.');

/** The same, and the reason is that there is no database: it has stopped, or the network to it is broken. */
export const unreachable = () =>
  new PublicError('UNAVAILABLE', 'The database cannot be reached. Try again later.');

/** @param retryAfter in seconds; over HTTP the header `Retry-After` has the same value */
export const rateLimited = (message: string, retryAfter: number) =>
  new PublicError('RATE_LIMITED', message, { retryAfter });

/**
 * The public error for a failure: the error itself when it is public, the matching error for a database failure, or
 * undefined for a defect, which must be masked and logged. Its `cause`, which is not sent to clients, is the original
 * failure.
 */
export function publicError(error: unknown): PublicError | undefined {
  if (error instanceof PublicError) return error;
  // Code that got the deadline's signal may throw its own error.
  if (error instanceof Error && error.name === 'AbortError' && error.cause instanceof PublicError)
    return error.cause;
  const translated = translate(error);
  return translated && withCause(translated, error);
}

/** Adds the original failure to an error for clients, for the log. */
export const withCause = <Told extends Error>(told: Told, cause: unknown): Told =>
  Object.defineProperty(told, 'cause', { value: cause, enumerable: false, configurable: true });

function translate(error: unknown): PublicError | undefined {
  if (error instanceof WriteInReadError) return undefined;
  const state = sqlState(error) ?? '';
  const bySqlState = BY_SQL_STATE[state];
  if (bySqlState) return bySqlState(error);
  if (UNREACHABLE_STATES.test(state)) return unreachable();
  if (BUSY_STATES.test(state)) return unavailable();
  const failure = connectionFailure(error);
  if (failure) return failure();
  if (error instanceof Prisma.PrismaClientKnownRequestError) return BY_PRISMA_CODE[error.code]?.(error);
  if (error instanceof Prisma.PrismaClientInitializationError) return unreachable();
  return undefined;
}

/**
 * A read tried to write. PostgreSQL refuses it with the same code as a write in a read-only database, but it is a
 * defect of the calling code.
 */
export class WriteInReadError extends Error {
  override readonly name = 'WriteInReadError';
  /** The SQLSTATE, like in pg's errors. */
  readonly code = READ_ONLY;

  constructor(cause: unknown) {
    super('a statement that may only read has tried to write', { cause });
  }
}

/** The SQLSTATE of a write in a read-only transaction or database. */
export const READ_ONLY = '25006';

/**
 * Classes 08 (connection) and 57P (the server shuts down, has not started, or ends sessions), and a COMMIT of unknown
 * outcome (40003).
 */
const UNREACHABLE_STATES = /^(08|57P|40003$)/;

/**
 * Class 53 (the server lacks memory, disk space or connections), session timeouts (25P03 to 25P05), and prepared
 * statements of another connection (26000, 42P05), when a pooler does not support them.
 */
const BUSY_STATES = /^(53|25P0[345]$|26000$|42P05$)/;

/** The error kinds of Prisma's driver adapters with the same meaning. They have no SQLSTATE. */
const BY_KIND: Readonly<Record<string, () => PublicError>> = {
  DatabaseNotReachable: unreachable,
  ConnectionClosed: unreachable,
  TlsConnectionError: unreachable,
  TooManyConnections: unavailable,
  SocketTimeout: unavailable,
};

/** The messages of Node, pg and its pool for a missing or lost connection. They share no codes. */
const UNREACHABLE_WORDS =
  /\b(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|ERR_STREAM_DESTROYED|ERR_STREAM_WRITE_AFTER_END)\b|Connection terminated|connection error and is not queryable|Client was closed|Can't reach database server|Server has closed the connection/;
/** The same, when none was free in time, or there was no answer in time. */
const BUSY_WORDS =
  /timeout expired|timeout exceeded when trying to connect|Cannot use a pool after calling end|Query read timeout/;

function connectionFailure(error: unknown): (() => PublicError) | undefined {
  if (!(error instanceof Error)) return undefined;
  const byKind = BY_KIND[driverCause(error)?.kind ?? ''];
  if (byKind) return byKind;
  const told = error.cause === undefined ? '' : inspect(error.cause);
  // When all addresses of a host refuse, the error is an AggregateError with an empty message.
  const code = 'code' in error ? String(error.code) : '';
  const words = `${code} ${error.message} ${told}`;
  if (UNREACHABLE_WORDS.test(words)) return unreachable;
  return BUSY_WORDS.test(words) ? unavailable : undefined;
}

/** A refusal of `tenantry.add_use`. The message has the figures, because Prisma passes on neither detail nor hint. */
const EXCEEDED = /the quota of (\w+) is exceeded: (\d+) of (\d+) used/;

function quotaExceeded(error: unknown): PublicError | undefined {
  const [, resource, used, limit] = EXCEEDED.exec(databaseMessage(error)) ?? [];
  if (resource === undefined) return undefined;
  return new PublicError('QUOTA_EXCEEDED', `The plan allows ${limit!} ${resource}, and ${used!} exist.`, {
    resource,
    limit: Number(limit),
    used: Number(used),
  });
}

type Translation = (error: unknown) => PublicError | undefined;

const inUse = () => conflict('Other objects refer to this one.');

const databaseMessage = (error: unknown): string =>
  driverCause(error)?.originalMessage ?? (error instanceof Error ? error.message : '');

/** A refused audit entry is not caused by the client's values. */
function unlessOfAuditLog(translate: Translation): Translation {
  return (error) => (databaseMessage(error).includes('relation "audit_log') ? undefined : translate(error));
}

const BY_SQL_STATE: Readonly<Record<string, Translation>> = {
  // Unique violation. Keys include the tenant, so this reveals nothing about another tenant.
  '23505': () => conflict('An object with this key exists already.'),
  // Foreign key violation, in either direction. Only the message differs (before version 18, in which the second has
  // its own code with RESTRICT).
  '23503': (error) => (databaseMessage(error).includes('update or delete on table') ? inUse() : notFound()),
  '23001': () => inUse(),
  // Exclusion constraint: two objects overlap.
  '23P01': () => conflict('This contradicts another object.'),
  '23502': unlessOfAuditLog(() => badInput('A value is missing.')),
  '23514': unlessOfAuditLog(() => badInput('A value is not allowed.')),
  '22001': () => badInput('A text is too long.'),
  '22007': () => badInput('A date has the wrong format.'),
  // A value for a column that the database computes.
  '428C9': () => badInput('A value cannot be set.'),
  '22P02': () => badInput('A value has the wrong format.'),
  // U+0000 in text or JSON, which PostgreSQL cannot store.
  '22021': () => badInput('Text must not contain the character U+0000.'),
  '22P05': () => badInput('Text must not contain the character U+0000.'),
  '22003': () => badInput('A number is out of range.'),
  '22008': () => badInput('A date is out of range.'),
  '40001': () => conflict('Others changed the same data at the same time. Try again.'),
  '40P01': () => conflict('Others changed the same data at the same time. Try again.'),
  '55P03': unavailable,
  // Our own: a quota of the tenant's plan.
  TQ001: quotaExceeded,
  TE002: () => conflict('A tenant keeps at least one owner.'),
  TE003: () => new PublicError('UNAVAILABLE', 'This tenant is being moved. Try again in a moment.'),
  // A transaction that names another schema than its tenant has, after all tries.
  TE004: unavailable,
  TE005: unavailable,
  TE006: () =>
    new PublicError(
      'UNAVAILABLE',
      'The data of this tenant is being brought up to date. Try again in a moment.',
    ),
  TE001: () => new PublicError('TENANT_SUSPENDED', 'This tenant is being erased.'),
  // Cancelled by the statement timeout.
  '57014': unavailable,
  // The database accepts no writes at present: it is a standby, or an administrator has made it read-only.
  [READ_ONLY]: () =>
    new PublicError('UNAVAILABLE', 'The database takes no changes at present. Try again later.'),
};

const BY_PRISMA_CODE: Readonly<Record<string, Translation>> = {
  P2025: () => notFound(),
  P2024: unavailable,
  // No connection in time, or the transaction lasted too long.
  P2028: unavailable,
  P1001: unreachable,
  P1002: unreachable,
  P1008: unavailable,
  P1011: unreachable,
  P1017: unreachable,
  P2037: unavailable,
};

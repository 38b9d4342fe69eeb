/**
 * The closed list of error codes (docs/errors.md), the errors that carry them, and the mask: whatever is not on the
 * list leaves the server as INTERNAL_SERVER_ERROR with the request id, and is logged here in full.
 */
import { inspect } from 'node:util';
import { GraphQLError } from 'graphql';
import { Prisma } from '../../generated/prisma/client.js';
import { driverCause, sqlState } from './sql-state.js';

/** Every code of our own, with the HTTP status of an answer that consists of it alone. */
export const ERROR_STATUS = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  TENANT_REQUIRED: 403,
  TENANT_MISMATCH: 403,
  TENANT_SUSPENDED: 403,
  TENANT_NOT_FOUND: 404,
  NOT_FOUND: 404,
  BAD_REQUEST: 400,
  // As Apollo's servers answer: the client then sends the document.
  PERSISTED_QUERY_NOT_FOUND: 200,
  DOCUMENT_NOT_TRUSTED: 403,
  COST_LIMIT_EXCEEDED: 400,
  // As for the cost: the same request is refused again. 413 is about requests.
  ANSWER_TOO_LARGE: 400,
  BAD_USER_INPUT: 400,
  CONFLICT: 409,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
  INTERNAL_SERVER_ERROR: 500,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** An expected failure: its message is meant for the client. */
export class PublicError extends GraphQLError {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message, { extensions: { code, ...details } });
    this.code = code;
  }
}

/** @param requires what is missing, as permissions are spelled: `billing:manage`. */
export const forbidden = (requires: string) =>
  new PublicError('FORBIDDEN', `This needs the permission ${requires}.`, { requires });

/** The same words whether a row belongs to another tenant or to nobody. */
export const notFound = () => new PublicError('NOT_FOUND', 'There is no such object.');

/** @param details what the client is told beside the code; never a value that the caller may not read. */
export const conflict = (message: string, details: Readonly<Record<string, unknown>> = {}) =>
  new PublicError('CONFLICT', message, details);

/** @param field the path of the offending input, `input.body`. */
export const badInput = (message: string, field?: string) =>
  new PublicError('BAD_USER_INPUT', message, field === undefined ? {} : { field });

/** Nothing was done, or its end is unknown; the same may succeed later. */
export const unavailable = () =>
  new PublicError('UNAVAILABLE', 'The server is too busy to answer in time. Try again later.');

/** @param retryAfter in seconds; over HTTP the header `Retry-After` says the same. */
export const rateLimited = (message: string, retryAfter: number) =>
  new PublicError('RATE_LIMITED', message, { retryAfter });

/**
 * What the client is told about a failure: the error itself when it is public, the public error a database failure
 * stands for, or undefined for a defect, which must be masked and logged. Its `cause`, which no client is told, is what
 * it stands for.
 */
export function publicError(error: unknown): PublicError | undefined {
  if (error instanceof PublicError) return error;
  // What was given the signal of the deadline, and throws what it makes of it.
  if (error instanceof Error && error.name === 'AbortError' && error.cause instanceof PublicError)
    return error.cause;
  const translated = translate(error);
  return translated && withCause(translated, error);
}

/** For the log: what an error that is told to a client was made of. */
export const withCause = <Told extends Error>(told: Told, cause: unknown): Told =>
  Object.defineProperty(told, 'cause', { value: cause, enumerable: false, configurable: true });

function translate(error: unknown): PublicError | undefined {
  if (error instanceof WriteInReadError) return undefined;
  const state = sqlState(error) ?? '';
  const bySqlState = BY_SQL_STATE[state];
  if (bySqlState) return bySqlState(error);
  if (UNAVAILABLE_STATES.test(state) || isConnectionFailure(error)) return unavailable();
  if (error instanceof Prisma.PrismaClientKnownRequestError) return BY_PRISMA_CODE[error.code]?.(error);
  if (error instanceof Prisma.PrismaClientInitializationError) return unavailable();
  return undefined;
}

/**
 * A read has tried to write, which PostgreSQL refuses with the code that it has for a database which takes no writes at
 * all. This is a defect of the code that called it.
 */
export class WriteInReadError extends Error {
  override readonly name = 'WriteInReadError';
  /** The SQLSTATE, as pg's errors have it. */
  readonly code = READ_ONLY;

  constructor(cause: unknown) {
    super('a statement that may only read has tried to write', { cause });
  }
}

/** Refused in a transaction, or in a database, that may only read. */
export const READ_ONLY = '25006';

/**
 * Classes 08 (connection), 53 (the server lacks memory, disk space or connections) and 57P (it shuts down, has not
 * started, or ends sessions), sessions that lasted too long (25P03 to 25P05), a COMMIT of unknown outcome (40003), and prepared statements that are
 * another connection's (26000, 42P05): a pooler between keeps none.
 */
const UNAVAILABLE_STATES = /^(08|53|57P|25P0[345]$|40003$|26000$|42P05$)/;

/** The kinds of Prisma's driver adapters that mean the same. They come without a SQLSTATE. */
const UNAVAILABLE_KINDS: ReadonlySet<string> = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'TlsConnectionError',
  'TooManyConnections',
  'SocketTimeout',
]);

/** How Node, pg and its pool say that there is no connection, or no longer. They have no codes in common. */
const CONNECTION_FAILURES =
  /\b(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|ERR_STREAM_DESTROYED|ERR_STREAM_WRITE_AFTER_END)\b|Connection terminated|connection error and is not queryable|Client was closed|timeout expired|timeout exceeded when trying to connect|Cannot use a pool after calling end|Query read timeout|Can't reach database server|Server has closed the connection/;

function isConnectionFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (UNAVAILABLE_KINDS.has(driverCause(error)?.kind ?? '')) return true;
  const told = error.cause === undefined ? '' : inspect(error.cause);
  // Several addresses of a host that all refuse are an AggregateError, whose own message is empty.
  const code = 'code' in error ? String(error.code) : '';
  return CONNECTION_FAILURES.test(`${code} ${error.message} ${told}`);
}

type Translation = (error: unknown) => PublicError | undefined;

const inUse = () => conflict('Other objects refer to this one.');

const databaseMessage = (error: unknown): string =>
  driverCause(error)?.originalMessage ?? (error instanceof Error ? error.message : '');

/** What an audit entry is refused for, no client has sent. */
function unlessOfAuditLog(translate: Translation): Translation {
  return (error) => (databaseMessage(error).includes('relation "audit_log') ? undefined : translate(error));
}

const BY_SQL_STATE: Readonly<Record<string, Translation>> = {
  // Unique violation. The keys are the tenant's own, so that this says nothing about another tenant.
  '23505': () => conflict('An object with this key exists already.'),
  // Foreign key violation, in either direction. PostgreSQL tells them apart by words alone (before version 18, where
  // the second has a code of its own when the key says RESTRICT).
  '23503': (error) => (databaseMessage(error).includes('update or delete on table') ? inUse() : notFound()),
  '23001': () => inUse(),
  // Exclusion: two objects that must not overlap.
  '23P01': () => conflict('This contradicts another object.'),
  '23502': unlessOfAuditLog(() => badInput('A value is missing.')),
  '23514': unlessOfAuditLog(() => badInput('A value is not allowed.')),
  '22001': () => badInput('A text is too long.'),
  '22007': () => badInput('A date has the wrong format.'),
  // A value for a column that the database computes.
  '428C9': () => badInput('A value cannot be set.'),
  '22P02': () => badInput('A value has the wrong format.'),
  // U+0000 in text or in JSON, which PostgreSQL cannot store.
  '22021': () => badInput('Text must not contain the character U+0000.'),
  '22P05': () => badInput('Text must not contain the character U+0000.'),
  '22003': () => badInput('A number is out of range.'),
  '22008': () => badInput('A date is out of range.'),
  '40001': () => conflict('Others changed the same data at the same time. Try again.'),
  '40P01': () => conflict('Others changed the same data at the same time. Try again.'),
  '55P03': unavailable,
  // Cancelled by the statement timeout.
  '57014': unavailable,
  // The database takes no writes at present: it is a standby, or its administrator has made it read-only.
  [READ_ONLY]: unavailable,
};

const BY_PRISMA_CODE: Readonly<Record<string, Translation>> = {
  P2025: notFound,
  P2024: unavailable,
  // No connection in time, or the transaction lasted too long.
  P2028: unavailable,
  P1001: unavailable,
  P1002: unavailable,
  P1008: unavailable,
  P1011: unavailable,
  P1017: unavailable,
  P2037: unavailable,
};

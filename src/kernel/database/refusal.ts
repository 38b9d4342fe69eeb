/** Why the database could not serve a valid request, for the log and the metrics. */
import type { ProblemKind } from '../vocabulary/problem-kind.js';
import { failureDetail, sqlState } from '../vocabulary/sql-state.js';

const SENTENCES = {
  no_connection:
    'no connection to the database was free in time: see DATABASE_POOL_SIZE and tenantry_pool_connections',
  too_many_connections: 'PostgreSQL has no connection left: see max_connections',
  connection_lost: 'connections to the database were lost, or refused',
  no_answer: 'the database did not answer in time',
  statement_timeout: 'statements took too long and were cancelled',
  lock_timeout: 'statements waited too long for a lock: look for a long transaction in pg_stat_activity',
  read_only: 'the database takes no changes: it is in recovery, or read-only',
  pooler:
    'a pooler hands statements to connections that have not prepared them: append ?pgbouncer=true to DATABASE_URL, or set max_prepared_statements of PgBouncer 1.21',
  deadline: 'requests took longer than they may',
  other: 'requests were answered UNAVAILABLE',
} as const;

export type DatabaseRefusal = keyof typeof SENTENCES;

/** @param error the error of Prisma or pg; undefined when it is unknown */
export function databaseRefusal(error: unknown): ProblemKind {
  const reason = reasonOf(error);
  return { name: 'database', reason, sentence: SENTENCES[reason] };
}

function reasonOf(error: unknown): DatabaseRefusal {
  const state = sqlState(error) ?? '';
  const byState = BY_SQL_STATE[state];
  if (byState) return byState;
  const text = failureDetail(error) ?? '';
  return (
    BY_WORDS.find(([, words]) => words.test(text))?.[0] ??
    (/^(08|57P)/.test(state) ? 'connection_lost' : 'other')
  );
}

const BY_SQL_STATE: Readonly<Record<string, DatabaseRefusal>> = {
  '53300': 'too_many_connections',
  '57014': 'statement_timeout',
  '55P03': 'lock_timeout',
  '25006': 'read_only',
  '26000': 'pooler',
  '42P05': 'pooler',
};

/** Node, pg, its pool and Prisma share no codes. */
const BY_WORDS: readonly (readonly [DatabaseRefusal, RegExp])[] = [
  ['no_connection', /timeout exceeded when trying to connect|Unable to start a transaction|^P2024/],
  ['no_answer', /Query read timeout|^P2028|^P1008/],
  [
    'connection_lost',
    /\b(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH)\b|Connection terminated|not queryable|Client was closed|Can't reach database server|closed the connection|ConnectionClosed|^P10/,
  ],
];

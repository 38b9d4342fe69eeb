/**
 * The server's connection to PostgreSQL. The one place that makes a PrismaClient, and it keeps it: what leaves this
 * folder is bound to a tenant.
 */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { PrismaClient } from '../generated/prisma/client.js';
import { PipeliningClient } from './pipelining-client.js';
import { TenantryAdapter } from './adapter.js';
import { createSign, type Sign } from './context-signature.js';
import { createFly } from './flight.js';
import { readDataModel } from './data-model.js';
import { findTenantOnlyReads, type TenantOnlyReads } from './tenant-only-reads.js';
import { createTenantBinder, type TenantBinder, type TransactionLimits } from './tenant-client.js';

export interface DatabaseOptions {
  /** Connects as the runtime role. `?pgbouncer=true` leaves prepared statements unnamed, as Prisma's own URLs do. */
  readonly url: string;
  readonly poolSize: number;
  readonly limits: TransactionLimits;
  /** What contexts are signed with. Undefined: they are not. */
  readonly contextKey?: string | undefined;
  /** Told about connections that fail while idle; they are replaced. */
  readonly onConnectionError?: (error: Error) => void;
}

export interface Database extends TenantBinder {
  /** Runs one of the kernel's functions that answer before a tenant is bound. For this folder and readiness only. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** For those of them that ask for a signature. */
  readonly sign: Sign;
  /** Which reads answer the same for everybody in a tenant, as the policies say now; asked at most once a minute. */
  tenantOnlyReads(): Promise<TenantOnlyReads>;
  /** Connections of the pool, for metrics. */
  readonly pool: { readonly total: number; readonly idle: number; readonly waiting: number };
  /** Waits for what is under way, then closes every connection. */
  close(): Promise<void>;
}

const SILENCE_MS = 3_000;

/** A look-up at the door takes a moment, or is not worth waiting for. */
const DOOR = { query_timeout: 2_000 };

/** Opens no connection yet: the first operation does. */
export function openDatabase(options: DatabaseOptions): Database {
  const { url, poolSize, limits, contextKey, onConnectionError } = options;
  const { connectionString, namedStatements } = readUrl(url);
  const pool = new pg.Pool({
    connectionString,
    max: poolSize,
    connectionTimeoutMillis: limits.maxWait,
    application_name: 'tenantry',
    keepAlive: true,
    // For a server that has fallen silent; one that answers has cancelled the statement by then.
    query_timeout: limits.statementTimeout + SILENCE_MS,
    Client: PipeliningClient,
  });
  pool.on('error', (error) => onConnectionError?.(error));
  const prismaName = nameStatements('p');
  const adapter = new TenantryAdapter(pool, {
    ...(namedStatements && { statementNameGenerator: ({ sql }) => prismaName(sql) }),
  });
  const prisma = new PrismaClient({ adapter });
  const sign = createSign(contextKey);
  const fly = createFly({
    pool,
    sign,
    statementName: namedStatements ? nameStatements('f') : () => '',
    statementTimeout: limits.statementTimeout,
  });
  const models = readDataModel(prisma);
  const query: Database['query'] = async <Row extends pg.QueryResultRow>(
    sql: string,
    values: readonly unknown[] = [],
  ) => (await pool.query<Row>({ text: sql, values: [...values], ...DOOR })).rows;
  return {
    ...createTenantBinder({ prisma, models, limits, fly, sign }),
    query,
    sign,
    tenantOnlyReads: keptForAMinute(() => findTenantOnlyReads(query, models)),
    get pool() {
      return { total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount };
    },
    close: async () => {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

function readUrl(url: string): { connectionString: string; namedStatements: boolean } {
  const parsed = new URL(url);
  const namedStatements = parsed.searchParams.get('pgbouncer') !== 'true';
  parsed.searchParams.delete('pgbouncer');
  return { connectionString: parsed.toString(), namedStatements };
}

/** A failure is not kept. */
function keptForAMinute<Answer>(ask: () => Promise<Answer>): () => Promise<Answer> {
  let kept: { readonly answer: Promise<Answer>; readonly until: number } | undefined;
  return () => {
    if (kept && performance.now() < kept.until) return kept.answer;
    const asked = { answer: ask(), until: performance.now() + 60_000 };
    kept = asked;
    asked.answer.catch(() => {
      if (kept === asked) kept = undefined;
    });
    return asked.answer;
  };
}

const NAMES_KEPT = 500;

/**
 * Names the statements that a connection keeps prepared. They are few and recur; lists of varying length make them
 * many, so that those beyond the first hundreds get no name.
 *
 * @param prefix tells apart who prepares: each keeps its own account of what a connection has seen.
 */
function nameStatements(prefix: string): (sql: string) => string {
  const names = new Map<string, string>();
  return (sql) => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    if (names.size >= NAMES_KEPT) return '';
    const name = `${prefix}_${createHash('sha256').update(sql).digest('base64url').slice(0, 22)}`;
    names.set(sql, name);
    return name;
  };
}

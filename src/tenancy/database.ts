/**
 * The server's connection to PostgreSQL. The one place that makes a PrismaClient, and it keeps it: what leaves this
 * folder is bound to a tenant.
 */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { PrismaClient } from '../generated/prisma/client.js';
import { createHarmless, InspectedClient, type LeftoverOptions } from './leftovers.js';
import { PipeliningClient } from './pipelining-client.js';
import { TenantryAdapter } from './adapter.js';
import { createSign, type Sign } from './context-signature.js';
import { createFly } from './flight.js';
import { readDataModel } from './data-model.js';
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
  const leftovers: LeftoverOptions = {
    harmless: createHarmless(),
    onLeftovers: (found) =>
      onConnectionError?.(new Error(`dropped, for a statement had left ${found} on it`)),
  };
  const pool = new pg.Pool({
    ...leftovers,
    connectionString,
    max: poolSize,
    connectionTimeoutMillis: limits.maxWait,
    application_name: 'tenantry',
    keepAlive: true,
    // For a server that has fallen silent; one that answers has cancelled the statement by then.
    query_timeout: limits.statementTimeout + SILENCE_MS,
    // Behind a transaction pooler, what would be looked at is another connection.
    Client: namedStatements ? InspectedClient : PipeliningClient,
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
  return {
    ...createTenantBinder({ prisma, models: readDataModel(prisma), limits, fly, sign }),
    query: async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
      (await pool.query<Row>({ text: sql, values: [...values], ...DOOR })).rows,
    sign,
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

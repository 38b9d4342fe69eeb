/**
 * The server's connection to PostgreSQL. The one place that makes a PrismaClient, and it keeps it: what leaves this
 * folder is bound to a tenant.
 */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { Deadline } from '../request/deadline.js';
import { unavailable } from '../vocabulary/errors.js';
import { PrismaClient } from '../../generated/prisma/client.js';
import { createCheckout, isRefusal, type Checkout } from '../driver/checkout.js';
import { admitted, PoolShare } from '../pool/admission.js';
import { LookupLimit, type Lookup } from '../pool/lookup-limit.js';
import { createHarmless, InspectedClient, type LeftoverOptions } from '../driver/leftovers.js';
import { PipeliningClient } from '../driver/pipelining-client.js';
import { Plans, type PlanLine } from '../driver/plans.js';
import { TenantryAdapter } from '../driver/adapter.js';
import { createSign, type Sign } from '../database/context-signature.js';
import { createSendBatch, type SendBatch } from '../driver/statement-batch.js';
import { logStatements, type BoundStatement, type StatementLine } from '../driver/statement-log.js';
import { scopedModels, type ScopedModel } from './data-model.js';
import { refuseSecondConnection, type SecondConnectionError } from '../driver/open-transaction.js';
import { findTenantOnlyReads, type TenantOnlyReads } from './tenant-only-reads.js';
import { createTenantBinder } from './tenant-binder.js';
import type { TenantBinder, TransactionLimits } from './tenant-client.js';

export interface DatabaseOptions {
  /** Connects as the runtime role. `?pgbouncer=true` leaves prepared statements unnamed, as Prisma's own URLs do. */
  readonly url: string;
  readonly poolSize: number;
  /** How many connections of the pool one tenant holds at the most. By default half of them, and at least one. */
  readonly perTenant?: number | undefined;
  readonly limits: TransactionLimits;
  /** What contexts are signed with. Undefined: they are not. */
  readonly contextKey?: string | undefined;
  /** Told about connections that fail while idle; they are replaced. */
  readonly onConnectionError?: (error: Error) => void;
  /** Told of each statement of the pool. Undefined: nothing is watched, which costs nothing. */
  readonly statementLog?: StatementLog | undefined;
  /** Told of code that takes a second connection inside a transaction. Without this, that code is given the error. */
  readonly onSecondConnection?: (error: SecondConnectionError) => void;
}

/** What is told of statements. */
export interface StatementLog {
  readonly write: (line: StatementLine) => void;
  /** Whether lines have the values of parameters: tenants' data, for development only. */
  readonly withValues: boolean;
  /** Told of the plan of each statement that reads rows of a tenant: for development only. Undefined: none is asked for. */
  readonly writePlan?: ((line: PlanLine) => void) | undefined;
}

/** Connections of the pool, and those who wait for them, for metrics. */
export interface PoolState {
  readonly total: number;
  readonly idle: number;
  /** For a connection that is free, among those who may take one. */
  readonly waiting: number;
  /** For one to be free among those that they may have: their share, or those of the look-ups before a tenant is known. */
  readonly waitingForShare: { readonly tenant: number; readonly caller: number; readonly door: number };
  /** How many have waited in vain so far, or found the line too long. */
  readonly refused: { readonly tenant: number; readonly caller: number; readonly door: number };
}

export interface Database extends TenantBinder {
  /**
   * Runs one of the kernel's functions that answer before a tenant is bound. For this folder only.
   *
   * @param visit what it is for: the connections of each purpose are limited
   * @throws UNAVAILABLE, RATE_LIMITED when too many look-ups are under way
   */
  query<Row extends pg.QueryResultRow>(
    sql: string,
    values?: readonly unknown[],
    visit?: Lookup,
  ): Promise<Row[]>;
  /** The models of the Prisma schema, by name. */
  readonly models: ReadonlyMap<string, ScopedModel>;
  /** For those of them that ask for a signature. */
  readonly sign: Sign;
  /** Which reads answer the same for everybody in a tenant, as the policies say now; asked at most once a minute. */
  tenantOnlyReads(): Promise<TenantOnlyReads>;
  readonly pool: PoolState;
  /** Waits for what is under way, then closes every connection. */
  close(): Promise<void>;
}

/** For a server that has fallen silent; one that answers has cancelled a statement by then. */
const SILENCE_MS = 3_000;

/** A look-up at the door takes a moment, or is not worth waiting for. */
const DOOR_MS = 2_000;

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
    // Behind a transaction pooler, what would be looked at is another connection.
    Client: namedStatements ? InspectedClient : PipeliningClient,
  });
  pool.on('error', (error) => onConnectionError?.(error));
  const plans = watchPool(pool, connectionString, options.statementLog);
  const prismaName = nameStatements('p');
  const adapter = new TenantryAdapter(pool, {
    ...(namedStatements && { statementNameGenerator: ({ sql }) => prismaName(sql) }),
  });
  const prisma = new PrismaClient({ adapter });
  const models = scopedModels();
  const sign = createSign(contextKey);
  const checkout = createCheckout(pool, limits.statementTimeout + SILENCE_MS);
  const sendNow = createSendBatch({
    checkout,
    sign,
    statementName: namedStatements ? nameStatements('f') : () => '',
    statementTimeout: limits.statementTimeout,
    answersAtOnce: options.statementLog !== undefined,
  });
  const admission = new PoolShare({ poolSize, perTenant: options.perTenant, maxWait: limits.maxWait });
  const door = new LookupLimit({ poolSize, maxWait: limits.maxWait });
  const refuseSecond = refuseSecondConnection(options.onSecondConnection);
  const sendBatch: SendBatch = (context, ...batch) =>
    admitted(admission, context, () => sendNow(context, ...batch), context.deadline);
  const query: Database['query'] = async <Row extends pg.QueryResultRow>(
    sql: string,
    values: readonly unknown[] = [],
    visit: Lookup = { purpose: 'access' },
  ) => {
    refuseSecond('A look-up');
    const leave = await door.enter(visit);
    const limit = Deadline.after(DOOR_MS, 0, unavailable);
    // The place is free again when the connection is, which may be after the caller was told that it took too long.
    return limit.race(queryAlone<Row>(checkout, limit, sql, values).finally(leave));
  };
  return {
    ...createTenantBinder({
      prisma,
      models,
      limits,
      sendBatch,
      sign,
      admission,
      refuseSecondConnection: refuseSecond,
    }),
    query,
    models,
    sign,
    tenantOnlyReads: keptForAMinute(() => findTenantOnlyReads(query, models)),
    get pool() {
      return {
        total: pool.totalCount,
        idle: pool.idleCount,
        waiting: pool.waitingCount,
        waitingForShare: { ...admission.waiting, door: door.waiting },
        refused: { ...admission.refused, door: door.refused },
      };
    },
    close: async () => {
      await prisma.$disconnect();
      await pool.end();
      await plans?.close();
    },
  };
}

/** @returns what asks for plans, when it is asked to */
function watchPool(
  pool: pg.Pool,
  connectionString: string,
  log: StatementLog | undefined,
): Plans | undefined {
  if (!log) return undefined;
  const { write, withValues, writePlan } = log;
  const plans = writePlan && new Plans(connectionString, writePlan);
  const onSuccess = plans && ((statement: BoundStatement) => plans.explain(statement));
  pool.on('connect', (client) =>
    logStatements(client as unknown as PipeliningClient, { write, withValues, onSuccess }),
  );
  return plans;
}

async function queryAlone<Row extends pg.QueryResultRow>(
  checkout: Checkout,
  deadline: Deadline,
  sql: string,
  values: readonly unknown[],
): Promise<Row[]> {
  const { client, release } = await checkout(deadline);
  try {
    const { rows } = await client.query<Row>({ text: sql, values: [...values] });
    release(true);
    return rows;
  } catch (error) {
    release(isRefusal(error));
    throw error;
  }
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
/** Characters of a statement: it is kept here, and by each connection. */
const LONGEST_NAMED = 10_000;

/**
 * Names the statements that a connection keeps prepared. They are few and recur; lists of varying length make them
 * many and long, so that those beyond the first hundreds, and those that are very long, get no name.
 *
 * @param prefix tells apart who prepares: each keeps its own account of what a connection has seen.
 */
export function nameStatements(prefix: string): (sql: string) => string {
  const names = new Map<string, string>();
  return (sql) => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    if (names.size >= NAMES_KEPT || sql.length > LONGEST_NAMED) return '';
    const name = `${prefix}_${createHash('sha256').update(sql).digest('base64url').slice(0, 22)}`;
    names.set(sql, name);
    return name;
  };
}

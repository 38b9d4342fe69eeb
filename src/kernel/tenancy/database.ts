/**
 * The server's connection to PostgreSQL. Only this file creates a PrismaClient, and it never exports it: every client
 * that leaves this folder is bound to a tenant.
 */
import pg from 'pg';
import { Deadline } from '../request/deadline.js';
import { unavailable } from '../vocabulary/errors.js';
import { PrismaClient } from '../../generated/prisma/client.js';
import { createCheckout, isRefusal, type Checkout } from '../driver/checkout.js';
import { admitted } from '../pool/admission.js';
import { FairGate } from '../pool/fair-gate.js';
import type { DelayLimits } from '../pool/queue-delays.js';
import { LookupLimit, type Lookup } from '../pool/lookup-limit.js';
import type { PoolState } from '../pool/pool-state.js';
import { createHarmless, InspectedClient, type LeftoverOptions } from '../driver/leftovers.js';
import { PipeliningClient } from '../driver/pipelining-client.js';
import { Placements } from '../driver/placements.js';
import { Plans, type PlanLine } from '../driver/plans.js';
import { TenantryAdapter } from '../driver/adapter.js';
import { createSign, type Sign } from '../database/context-signature.js';
import { createSendBatch, type SendBatch } from '../driver/statement-batch.js';
import { nameAllStatements, nameStatements } from '../driver/statement-names.js';
import { logStatements, type ConnectionLogOptions, type StatementLine } from '../driver/statement-log.js';
import { scopedModels, type ScopedModel } from './data-model.js';
import { refuseSecondConnection, type SecondConnectionError } from '../driver/open-transaction.js';
import { Replica } from '../replica/replica.js';
import { findTenantOnlyReads, type TenantOnlyReads } from './tenant-only-reads.js';
import { readServerUrl, type ServerUrl } from './server-url.js';
import { createTenantBinder } from './tenant-binder.js';
import type { TenantBinder, TransactionLimits } from './tenant-client.js';

export interface DatabaseOptions {
  /** Connects as the runtime role. With `?pgbouncer=true` prepared statements have no names, as in Prisma's URLs. */
  readonly url: string;
  readonly poolSize: number;
  /** The most connections of the pool that one tenant holds, whatever its plan. By default half of them, and at least one. */
  readonly perTenant?: number | undefined;
  readonly limits: TransactionLimits;
  /** A streaming replica that answers reads whose requests allow it. Undefined: the primary answers all of them. */
  readonly replica?: ReplicaTarget | undefined;
  /** When a queue for connections counts as too long. Default: as for a running server. */
  readonly queueDelays?: DelayLimits | undefined;
  /** The key that signs contexts. Undefined: contexts are not signed. */
  readonly contextKey?: string | undefined;
  /** Called when an idle connection fails; the pool replaces it. */
  readonly onConnectionError?: (error: Error) => void;
  /** Receives each statement of the pool. Undefined: statements are not logged, at no cost. */
  readonly statementLog?: StatementLog | undefined;
  /** Called after each statement in a tenant's transaction with the number of rows that it has read or written. */
  readonly onRows?: ((tenantId: string, rows: number) => void) | undefined;
  /** Called when code takes a second connection inside a transaction. Undefined: the error is thrown to that code. */
  readonly onSecondConnection?: (error: SecondConnectionError) => void;
}

/** A streaming replica of the database. */
export interface ReplicaTarget {
  /** Connects as the runtime role. */
  readonly url: string;
  /** How old data that is read there may be. */
  readonly maxLagMs: number;
  /** Called when the replica can no longer be read, and when it can be again. */
  readonly onChange: (message: string) => void;
}

/** Receives the log of statements. */
export interface StatementLog {
  readonly write: (line: StatementLine) => void;
  /** Whether lines contain the values of parameters. These are tenants' data, so this is for development only. */
  readonly withValues: boolean;
  /** Only statements that took as long, in milliseconds, and plans without values. Undefined: all statements. */
  readonly slowerThanMs?: number | undefined;
  /**
   * Receives the plan of each statement that reads a tenant's rows, for development only. Undefined: no plans are made.
   */
  readonly writePlan?: ((line: PlanLine) => void) | undefined;
}

export interface Database extends TenantBinder {
  /**
   * Runs one of the kernel's functions that need no bound tenant. For this folder only.
   *
   * @param visit the purpose of the look-up; each purpose has its own limit of connections
   * @throws UNAVAILABLE, RATE_LIMITED when too many look-ups are running
   */
  query<Row extends pg.QueryResultRow>(
    sql: string,
    values?: readonly unknown[],
    visit?: Lookup,
  ): Promise<Row[]>;
  /** The database that has the tenant: this one, where there is only one. @throws UNAVAILABLE when it is not known here */
  at(tenantId: string): Database;
  /** All databases: this one, where there is only one. */
  readonly all: readonly Database[];
  /**
   * The databases with tenants beside that of this tenant, as far as they are served here, and whether these are all. None,
   * where there is only one.
   */
  elsewhere(tenantId: string): { readonly served: readonly Database[]; readonly isAll: boolean };
  /** The models of the Prisma schema, by name. */
  readonly models: ReadonlyMap<string, ScopedModel>;
  /** Signs contexts for functions of the kernel that require a signature. */
  readonly sign: Sign;
  /**
   * The reads that have the same result for all members of a tenant under the current policies. Queried at most once a
   * minute.
   */
  tenantOnlyReads(tenantId: string): Promise<TenantOnlyReads>;
  readonly pool: PoolState;
  /** Admits tenants' transactions to the pool. */
  readonly gate: Pick<FairGate, 'isOverloaded' | 'accessChanged' | 'endWaits' | 'onWaited' | 'onHeld'>;
  /** Undefined when there is none. */
  readonly replica: Pick<Replica, 'state' | 'wrote' | 'position'> | undefined;
  /** Waits for running operations, then closes every connection. */
  close(): Promise<void>;
}

/**
 * The time after the statement timeout in which PostgreSQL must answer. A working server has cancelled the statement by
 * then.
 */
const SILENCE_MS = 3_000;

/** Creates the database access. The first operation opens the first connection. */
export function openDatabase(options: DatabaseOptions): Database {
  const { url, poolSize, limits, contextKey, onConnectionError, onRows } = options;
  const { connectionString, namedStatements } = readServerUrl(url);
  const leftovers: LeftoverOptions = {
    harmless: createHarmless(),
    onLeftovers: (found) =>
      onConnectionError?.(new Error(`dropped, for a statement had left ${found} on it`)),
  };
  const { writePlan, slowerThanMs } = options.statementLog ?? {};
  const plans = writePlan && new Plans(connectionString, writePlan, { generic: slowerThanMs !== undefined });
  const poolOf = (to: ServerUrl) => {
    const pool = new pg.Pool({
      ...leftovers,
      connectionString: to.connectionString,
      max: poolSize,
      connectionTimeoutMillis: limits.maxWait,
      application_name: 'tenantry',
      keepAlive: true,
      // Behind a transaction pooler, the inspection would reach another connection.
      Client: to.namedStatements ? InspectedClient : PipeliningClient,
    });
    pool.on('error', (error) => {
      // The pool has ended before its last connections are closed, and the database may be stopped meanwhile.
      if (!pool.ending) onConnectionError?.(error);
    });
    watchPool(pool, options.statementLog, plans);
    return pool;
  };
  const pool = poolOf({ connectionString, namedStatements });
  const prismaName = nameStatements('p');
  const adapter = new TenantryAdapter(
    pool,
    { ...(namedStatements && { statementNameGenerator: ({ sql }) => prismaName(sql) }) },
    onRows,
  );
  const prisma = new PrismaClient({ adapter });
  const models = scopedModels();
  const sign = createSign(contextKey);
  const placements = new Placements();
  const checkout = createCheckout(pool, limits.statementTimeout + SILENCE_MS);
  const sendNow = createSendBatch({
    checkout,
    sign,
    placements,
    statementName: namedStatements ? nameAllStatements('f') : () => '',
    placedStatementName: namedStatements ? nameAllStatements('s') : () => '',
    statementTimeout: limits.statementTimeout,
    answersAtOnce: options.statementLog !== undefined,
    onRows,
  });
  const gate = new FairGate({
    poolSize,
    perTenant: options.perTenant,
    maxWait: limits.maxWait,
    delays: options.queueDelays,
  });
  const door = new LookupLimit({ poolSize, maxWait: limits.maxWait });
  const refuseSecond = refuseSecondConnection(options.onSecondConnection);
  const toPrimary: SendBatch = (context, ...batch) =>
    admitted(gate, context, () => sendNow(context, ...batch));
  const replica = options.replica && replicaOf(options.replica);
  const sendBatch = replica ? replica.inFrontOf(toPrimary) : toPrimary;
  const query: Database['query'] = async <Row extends pg.QueryResultRow>(
    sql: string,
    values: readonly unknown[] = [],
    visit: Lookup = { purpose: 'access' },
  ) => {
    refuseSecond('A look-up');
    const leave = await door.enter(visit);
    // Unknown callers can cause a look-up, so its time is as limited as the wait for a connection.
    const limit = Deadline.after(limits.maxWait, 0, unavailable);
    // The place is freed together with the connection, which may be after the caller's time limit.
    return limit.race(queryAlone<Row>(checkout, limit, sql, values).finally(leave));
  };
  const opened: Database = {
    at: () => opened,
    elsewhere: () => ({ served: [], isAll: true }),
    get all() {
      return [opened];
    },
    ...createTenantBinder({
      prisma,
      models,
      limits,
      sendBatch,
      sign,
      placements,
      admission: gate,
      refuseSecondConnection: refuseSecond,
    }),
    query,
    models,
    sign,
    gate,
    replica,
    tenantOnlyReads: keptForAMinute(() => findTenantOnlyReads(query, models)),
    get pool() {
      return {
        total: pool.totalCount,
        idle: pool.idleCount,
        waiting: pool.waitingCount,
        waitingForShare: { ...gate.waiting, door: door.waiting },
        refused: { ...gate.refused, door: door.refused },
      };
    },
    close: async () => {
      await prisma.$disconnect();
      await replica?.close();
      await pool.end();
      await plans?.close();
    },
  };
  return opened;

  function replicaOf({ url: replicaUrl, maxLagMs, onChange }: ReplicaTarget): Replica {
    const to = readServerUrl(replicaUrl);
    return new Replica({
      pool: poolOf(to),
      url: to.connectionString,
      primaryUrl: connectionString,
      poolSize,
      perTenant: gate.perTenant,
      maxLagMs,
      onChange,
      sign,
      placements,
      statementName: to.namedStatements ? nameAllStatements('f') : () => '',
      placedStatementName: to.namedStatements ? nameAllStatements('s') : () => '',
      statementTimeout: limits.statementTimeout,
      answersAtOnce: options.statementLog !== undefined,
    });
  }
}

/** Logs the statements of each connection. */
function watchPool(pool: pg.Pool, log: StatementLog | undefined, plans: Plans | undefined): void {
  if (!log) return;
  const { write, withValues, slowerThanMs = 0 } = log;
  const options: ConnectionLogOptions = {
    withValues,
    write: (line) => {
      if (line.ms >= slowerThanMs) write(line);
    },
    onSuccess:
      plans &&
      ((statement) => {
        if (statement.ms >= slowerThanMs) plans.explain(statement);
      }),
  };
  pool.on('connect', (client) => logStatements(client as unknown as PipeliningClient, options));
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

/** Caches an answer for a minute; a failure is not cached. */
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

/**
 * Erases a tenant: every row in every table of the walk, then the tenant itself. It can be ended at any time, also by
 * kill -9, and goes on when it is called again. docs/tenant-life.md has the steps and what they guarantee.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { schemaOf } from '../../kernel/database/schemas/own-schema.js';
import type { Module } from '../../kernel/graphql/module.js';
import type { SealKeys } from '../audit-trail/seal-keys.js';
import type { OperatorConnection } from '../operator/operator-connection.js';
import {
  CERTIFICATE,
  REMAINS,
  hashOfTenant,
  sha256,
  signCertificate,
  type ErasedTable,
  type SignedCertificate,
} from './certificate.js';
import { TenantLifeError } from './life-error.js';
import { scanFor } from './scan.js';
import { nameOf, walkTables, type TableGroup, type TenantTable } from './walk.js';

/** Rows of one transaction, unless the order says otherwise. */
const BATCH = 5_000;
/** How long transactions that were open when the erasure began may take to end, in milliseconds. */
const PATIENCE_MS = 10 * 60_000;
const PAUSE_MS = 100;

/** Erases a tenant from a store outside of the database. It is called again when it fails or is cut off. */
export interface ExternalStore {
  readonly name: string;
  readonly erase: (tenantId: string) => Promise<void>;
}

/** The stores that modules declare. */
export const storesOf = (modules: readonly Pick<Module, 'name' | 'erase'>[]): readonly ExternalStore[] =>
  modules.flatMap(({ name, erase }) => (erase ? [{ name, erase }] : []));

export interface ErasureOrder {
  readonly tenantId: string;
  readonly stores: readonly ExternalStore[];
  /** Whether what names nobody is kept of the audit log. */
  readonly keepTrail: boolean;
  readonly keys: SealKeys | undefined;
  /** The most rows of one transaction. */
  readonly batch?: number;
  /** Told of each batch. */
  readonly onProgress?: (table: string, rows: number) => void;
}

/** What an erasure would erase: the tables in the order of the walk, with their rows. */
export interface ErasurePlan {
  readonly tables: readonly ErasedTable[];
  readonly keepTrail: boolean;
}

interface ErasureRow extends Record<string, unknown> {
  readonly id: string;
  readonly requestedAt: string;
  readonly startedAt: string;
  readonly plan: ErasurePlan | null;
  readonly external: readonly string[];
}

/**
 * What there is of a tenant, without a change.
 *
 * @throws TenantLifeError when a table cannot be placed; the errors of the database
 */
export async function planErasure(
  connection: OperatorConnection,
  tenantId: string,
  keepTrail: boolean,
): Promise<ErasurePlan> {
  const tables: ErasedTable[] = [];
  for (const group of await walkTables(connection.query, tenantId)) {
    for (const table of group) {
      const [count] = await connection.query<{ rows: number }>(
        await countOf(connection, table.oid, tenantId),
        [tenantId],
      );
      tables.push({ table: nameInPlan(table, tenantId), rows: count!.rows });
    }
  }
  return { tables, keepTrail };
}

/** The name of a schema of its own has the id of the tenant, which must not outlive it. */
const nameInPlan = (table: TenantTable, tenantId: string): string =>
  nameOf(table.schema === schemaOf(tenantId) ? { ...table, schema: 'own_schema' } : table);

async function countOf({ query }: OperatorConnection, oid: string, tenantId: string): Promise<string> {
  const [found] = await query<{ sql: string }>(
    `SELECT format('SELECT count(*)::float8 AS rows FROM %s AS t WHERE %s', tenantry.only_rows(target), condition) AS sql
     FROM tenantry.tables_of($2) WHERE target = $1`,
    [oid, tenantId],
  );
  return found!.sql;
}

/**
 * Erases the tenant, or goes on with it.
 *
 * @returns the certificate; undefined when there is no such tenant
 * @throws TenantLifeError when another process erases the tenant, a table cannot be placed, transactions do not end, or
 * something is left; errors of stores and of the database. In all cases it can be called again
 */
export async function eraseTenant(
  connection: OperatorConnection,
  order: ErasureOrder,
): Promise<SignedCertificate | undefined> {
  // The lock is the session's, so it ends with a process that is killed.
  const name = [`erasure ${order.tenantId.toLowerCase()}`];
  const [lock] = await connection.query<{ locked: boolean }>(
    'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS locked',
    name,
  );
  if (!lock!.locked) {
    throw new TenantLifeError(
      'Another process erases the tenant at the moment. When it is cut off, servers go on with it.',
    );
  }
  try {
    return await eraseAlone(connection, order);
  } finally {
    await connection.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', name).catch(() => undefined);
  }
}

async function eraseAlone(
  connection: OperatorConnection,
  order: ErasureOrder,
): Promise<SignedCertificate | undefined> {
  const { tenantId, keepTrail, keys } = order;
  const stores = (await isOldCopy(connection, tenantId)) ? [] : order.stores;
  // Before the fence, so that a table without a place does not leave a tenant that nobody can use.
  await walkTables(connection.query, tenantId);
  const { expires, signature } = connection.sign(
    'start_erasure',
    tenantId.toLowerCase(),
    connection.operator,
  );
  const [started] = await connection.query<{ id: string | null }>(
    'SELECT tenantry.start_erasure($1, $2, $3, $4) AS id',
    [tenantId, connection.operator, expires, signature],
  );
  const id = started!.id;
  if (id === null) return undefined;
  await olderTransactionsEnd(connection);
  // Nobody writes any more, so the numbers are exact.
  let row = await erasureOf(connection, id);
  if (!row.plan) {
    const plan = await planErasure(connection, tenantId, keepTrail);
    await connection.query('SELECT tenantry.set_erasure_plan($1, $2)', [id, plan]);
    row = await erasureOf(connection, id);
  }
  for (const store of stores) {
    if (row.external.includes(store.name)) continue;
    await store.erase(tenantId);
    await connection.query('SELECT tenantry.note_external_erasure($1, $2)', [id, store.name]);
  }
  const plan = row.plan!;
  if (plan.keepTrail) await signedStep(connection, 'SELECT tenantry.keep_trail($1, $2, $3)', id);
  for (const group of [...(await walkTables(connection.query, tenantId))].reverse()) {
    await eraseGroup(connection, id, group, order);
  }
  await signedStep(connection, 'SELECT tenantry.erase_schema($1, $2, $3)', id);
  await refreshViews(connection);
  const scan = await scanFor(connection.query, tenantId);
  if (scan.found.length > 0) {
    const where = scan.found.map(({ table, rows }) => `${table} (${String(rows)} rows)`).join(', ');
    throw new TenantLifeError(
      `The tenant's rows are erased, but its id is still in ${where}. Delete it there, and erase the tenant again.`,
    );
  }
  const { external } = await erasureOf(connection, id);
  const certificate = signCertificate(
    {
      format: CERTIFICATE,
      id,
      tenant: hashOfTenant(tenantId),
      requestedAt: row.requestedAt,
      startedAt: row.startedAt,
      finishedAt: new Date().toISOString(),
      plan: sha256(JSON.stringify(plan)),
      rows: plan.tables.reduce((sum, { rows }) => sum + rows, 0),
      tables: plan.tables.filter(({ rows }) => rows > 0),
      external,
      auditTrail: plan.keepTrail ? 'pseudonymised' : 'erased',
      scan: { tables: scan.tables, columns: scan.columns, found: 0 },
      remains: REMAINS,
    },
    keys,
  );
  await connection.query('SELECT tenantry.finish_erasure($1, $2, $3, $4)', [
    id,
    certificate.certificate,
    certificate.key,
    certificate.signature === null ? null : Buffer.from(certificate.signature, 'base64'),
  ]);
  return certificate;
}

/**
 * Whether the rows are a copy of a tenant that is served from another cell, so that what it has elsewhere stays.
 *
 * @throws TenantLifeError for a tenant that is being moved, of which another cell may have a copy
 */
async function isOldCopy({ query }: OperatorConnection, tenantId: string): Promise<boolean> {
  const [row] = await query<{ state: string }>('SELECT state FROM tenantry.moves WHERE subject = $1', [
    tenantId,
  ]);
  if (row?.state === 'leaving') {
    throw new TenantLifeError('The tenant is being moved: go on with that, or undo it, before it is erased.');
  }
  return row !== undefined;
}

async function erasureOf({ query }: OperatorConnection, id: string): Promise<ErasureRow> {
  const utc = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  const [row] = await query<ErasureRow>(
    `SELECT id, ${utc('requested_at')} AS "requestedAt", ${utc('started_at')} AS "startedAt", plan, external
     FROM tenantry.erasures WHERE id = $1`,
    [id],
  );
  if (!row) throw new TenantLifeError('The erasure was ended by somebody else meanwhile.');
  return row;
}

/**
 * Waits until every transaction has ended that was open before: from the commit of the fence on none is bound to the tenant,
 * so afterwards nobody writes. Every transaction holds a lock on its own number, which everybody may see.
 *
 * @throws TenantLifeError when one does not end
 */
export async function olderTransactionsEnd({ query }: OperatorConnection): Promise<void> {
  const open = async () => {
    const rows = await query<{ transaction: string }>(`
      SELECT l.virtualtransaction || '/' || l.pid AS transaction FROM pg_catalog.pg_locks l
      JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
      WHERE l.locktype = 'virtualxid' AND l.virtualxid = l.virtualtransaction AND l.pid <> pg_backend_pid()
        AND a.datname = current_database() AND a.usesysid IS NOT NULL`);
    return new Set(rows.map(({ transaction }) => transaction));
  };
  const older = await open();
  for (const deadline = performance.now() + PATIENCE_MS; ;) {
    const now = await open();
    if (![...older].some((transaction) => now.has(transaction))) return;
    if (performance.now() > deadline) {
      throw new TenantLifeError(
        'A transaction that was open before does not end: look for it in pg_stat_activity, and try again.',
      );
    }
    await sleep(PAUSE_MS);
  }
}

async function eraseGroup(
  connection: OperatorConnection,
  id: string,
  group: TableGroup,
  { batch = BATCH, onProgress }: Pick<ErasureOrder, 'batch' | 'onProgress'>,
): Promise<void> {
  const name = group.map(nameOf).join(', ');
  if (group.length > 1) {
    const sql = 'SELECT tenantry.erase_circle($1, $4, $2, $3)::float8 AS rows';
    const rows = await signedStep(
      connection,
      sql,
      id,
      group.map(({ oid }) => oid),
    );
    onProgress?.(name, rows);
    return;
  }
  const sql = `SELECT tenantry.erase_rows($1, $4, ${String(batch)}, $2, $3)::float8 AS rows`;
  for (;;) {
    const rows = await signedStep(connection, sql, id, group[0]!.oid);
    if (rows === 0) return;
    onProgress?.(name, rows);
  }
}

async function signedStep(
  { query, sign }: OperatorConnection,
  sql: string,
  id: string,
  ...values: readonly unknown[]
): Promise<number> {
  const { expires, signature } = sign('erase', id);
  const [row] = await query<{ rows?: number }>(sql, [id, expires, signature, ...values]);
  return row?.rows ?? 0;
}

/** Materialised views keep copies of rows. Only their owner may refresh them, so the kernel does it. */
async function refreshViews({ query }: OperatorConnection): Promise<void> {
  await query('SELECT tenantry.refresh_views()');
}

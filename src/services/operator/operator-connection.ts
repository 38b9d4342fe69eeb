/**
 * The operators' connections for work on tenants, as tenantry_operator. They bind a tenant like the server, so an
 * operator's changes are in the tenant's audit log, under the operator's name.
 */
import type pg from 'pg';
import { checkContextSigning } from '../../kernel/database/preparation/context-keys.js';
import { withClient } from '../../kernel/database/owner-connection.js';
import { createSign, signContext, type Sign } from '../../kernel/database/context-signature.js';

/** Runs a statement inside the bound transaction. */
export type OperatorQuery = <Row extends pg.QueryResultRow>(
  sql: string,
  values?: readonly unknown[],
) => Promise<Row[]>;

const STATEMENT_TIMEOUT_MS = 30_000;

export interface OperatorTransaction {
  /** Reads one snapshot, and writes nothing. */
  readonly snapshot?: boolean;
  /** The most milliseconds of a statement; 0 for any time. Default: 30 seconds. */
  readonly statementTimeoutMs?: number;
}

/** What an operator does in a tenant, for the tenant's audit log. */
export interface OperatorEntry {
  /** `tenant_read`. */
  readonly action: string;
  readonly reason: string;
}

interface ConnectionParts {
  /** Runs `work` with a connection to the database that nobody else uses meanwhile. */
  readonly borrow: <Result>(work: (client: pg.ClientBase) => Promise<Result>) => Promise<Result>;
  readonly sign: Sign;
  /** The operator's name in the audit logs. */
  readonly operator: string;
  /** The request, for the audit logs. */
  readonly requestId?: string | undefined;
}

/**
 * The client of one operator. It is no client of a tenant, and none of those is one of an operator: neither can be passed
 * where the other is expected.
 */
export class OperatorConnection {
  /** The operator's name in the audit logs. */
  readonly operator: string;
  /** Signs questions to the kernel's functions. */
  readonly sign: Sign;
  readonly #parts: ConnectionParts;

  constructor(parts: ConnectionParts) {
    this.operator = parts.operator;
    this.sign = parts.sign;
    this.#parts = parts;
  }

  /** Reads across tenants. */
  readonly query: OperatorQuery = (sql, values) =>
    this.#parts.borrow((client) => queryOf(client)(sql, values));

  /** Runs `work` in one transaction, which is bound to no tenant; rolled back when it throws. */
  readonly inTransaction = <Result>(
    work: (query: OperatorQuery) => Promise<Result>,
    begin: 'BEGIN' | 'BEGIN ISOLATION LEVEL REPEATABLE READ' = 'BEGIN',
  ): Promise<Result> =>
    this.#parts.borrow(async (client) => {
      const query = queryOf(client);
      await query(begin);
      try {
        const result = await work(query);
        await query('COMMIT');
        return result;
      } catch (error) {
        await query('ROLLBACK');
        throw error;
      }
    });

  /** The same, bound to a tenant. */
  readonly inTenant = <Result>(
    tenantId: string,
    work: (query: OperatorQuery) => Promise<Result>,
    options: OperatorTransaction = {},
  ): Promise<Result> =>
    this.inTransaction(
      async (query) => {
        await this.#bind(query, tenantId, options);
        return work(query);
      },
      options.snapshot ? 'BEGIN ISOLATION LEVEL REPEATABLE READ' : 'BEGIN',
    );

  /** The same, and the tenant's audit log has the entry, in the same transaction. */
  readonly acting = <Result>(
    tenantId: string,
    { action, reason }: OperatorEntry,
    work: (query: OperatorQuery) => Promise<Result>,
  ): Promise<Result> =>
    this.inTenant(tenantId, async (query) => {
      const result = await work(query);
      await query('SELECT tenantry.record_audit($1, $2, NULL, NULL, $3)', [
        `operator.${action}`,
        'OperatorAccess',
        JSON.stringify({ reason }),
      ]);
      return result;
    });

  async #bind(
    query: OperatorQuery,
    tenantId: string,
    { snapshot = false, statementTimeoutMs = STATEMENT_TIMEOUT_MS }: OperatorTransaction,
  ): Promise<void> {
    const { operator, sign, requestId } = this.#parts;
    const actor = { type: 'operator', id: operator } as const;
    const { expires, signature } = signContext(sign, { tenantId, actor, requestId: requestId ?? '' });
    await query('SELECT tenantry.bind_placed($1, $2, $3, $4, $5, $6, $7, $8, NULL, NULL)', [
      tenantId,
      actor.id,
      actor.type,
      requestId ?? null,
      statementTimeoutMs,
      snapshot,
      expires,
      signature,
    ]);
  }
}

/** A connection to a cell on which this process cannot work: whatever it is asked fails with this error. */
export const noConnection = (operator: string, error: Error): OperatorConnection =>
  new OperatorConnection({ borrow: () => Promise.reject(error), sign: createSign(undefined), operator });

const queryOf =
  (client: pg.ClientBase): OperatorQuery =>
  async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
    (await client.query<Row>(sql, [...values])).rows;

/** The options of an operator's connection. */
export interface OperatorDoorOptions {
  /** The URL of the role tenantry_operator. */
  readonly url: string;
  /** The operator's name in the audit logs. */
  readonly operator: string;
  /** The key that signs contexts; undefined when they are unsigned. */
  readonly contextKey?: string | undefined;
}

/** @throws MigrationError when the database cannot be reached, or has other signing keys than this configuration */
export async function withOperatorConnection<Result>(
  { url, operator, contextKey }: OperatorDoorOptions,
  work: (connection: OperatorConnection) => Promise<Result>,
): Promise<Result> {
  return withClient(url, async (client) => {
    await checkContextSigning(client, contextKey);
    const sign = createSign(contextKey);
    return work(new OperatorConnection({ borrow: (inner) => inner(client), sign, operator }));
  });
}

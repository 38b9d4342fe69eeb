/**
 * The operators' connection for work on tenants, as tenantry_operator. It binds a tenant like the server, so an
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

export interface OperatorConnection {
  /** Runs `work` in one transaction bound to a tenant; rolled back when it throws. */
  inTenant<Result>(
    tenantId: string,
    work: (query: OperatorQuery) => Promise<Result>,
    options?: OperatorTransaction,
  ): Promise<Result>;
  /** Signs questions to the kernel's functions. */
  readonly sign: Sign;
  /** The operator's name in the audit logs. */
  readonly operator: string;
  /** Reads across tenants. */
  readonly query: OperatorQuery;
}

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
  const sign = createSign(contextKey);
  return withClient(url, async (client) => {
    await checkContextSigning(client, contextKey);
    const query = async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
      (await client.query<Row>(sql, [...values])).rows;
    return work({
      query,
      sign,
      operator,
      inTenant: async (
        tenantId,
        inside,
        { snapshot = false, statementTimeoutMs = STATEMENT_TIMEOUT_MS } = {},
      ) => {
        await query(snapshot ? 'BEGIN ISOLATION LEVEL REPEATABLE READ' : 'BEGIN');
        try {
          const actor = { type: 'operator', id: operator } as const;
          const { expires, signature } = signContext(sign, { tenantId, actor, requestId: '' });
          await query('SELECT tenantry.bind($1, $2, $3, $4, $5, $6, $7, $8)', [
            tenantId,
            actor.id,
            actor.type,
            null,
            statementTimeoutMs,
            snapshot,
            expires,
            signature,
          ]);
          const result = await inside(query);
          await query('COMMIT');
          return result;
        } catch (error) {
          await query('ROLLBACK');
          throw error;
        }
      },
    });
  });
}

/**
 * The operators' connection: work on tenants from outside, as tenantry_operator. It binds a tenant like everybody else, so
 * that what an operator does stands in the tenant's own audit log, under the operator's name.
 */
import type pg from 'pg';
import { checkContextSigning } from '../../kernel/database/preparation/context-keys.js';
import { withClient } from '../../kernel/database/owner-connection.js';
import { createSign, signContext } from '../../kernel/database/context-signature.js';

/** Runs a statement inside the bound transaction. */
export type OperatorQuery = <Row extends pg.QueryResultRow>(
  sql: string,
  values?: readonly unknown[],
) => Promise<Row[]>;

const STATEMENT_TIMEOUT_MS = 30_000;

export interface OperatorConnection {
  /** Runs `work` in one transaction bound to a tenant; undone when it throws. */
  inTenant<Result>(tenantId: string, work: (query: OperatorQuery) => Promise<Result>): Promise<Result>;
  /** Reads across tenants. */
  readonly query: OperatorQuery;
}

/** How to open the door. */
export interface OperatorDoorOptions {
  /** As tenantry_operator. */
  readonly url: string;
  /** Who is recorded in the audit logs. */
  readonly operator: string;
  /** What contexts are signed with. Undefined: they are not. */
  readonly contextKey?: string | undefined;
}

/**
 * @throws MigrationError when the database cannot be reached, or does not agree about signed contexts
 */
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
      inTenant: async (tenantId, inside) => {
        await query('BEGIN');
        try {
          const actor = { type: 'operator', id: operator } as const;
          const { expires, signature } = signContext(sign, { tenantId, actor, requestId: '' });
          await query('SELECT tenantry.bind($1, $2, $3, $4, $5, $6, $7, $8)', [
            tenantId,
            actor.id,
            actor.type,
            null,
            STATEMENT_TIMEOUT_MS,
            false,
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

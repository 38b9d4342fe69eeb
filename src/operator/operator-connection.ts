/**
 * The operators' door: work on tenants from outside, as tenantry_operator. It binds a tenant like everybody else, so
 * that what an operator does stands in the tenant's own audit log, under the operator's name.
 */
import type pg from 'pg';
import { withClient } from '../database/owner-connection.js';

/** Runs a statement inside the bound transaction. */
export type OperatorQuery = <Row extends pg.QueryResultRow>(
  sql: string,
  values?: readonly unknown[],
) => Promise<Row[]>;

const STATEMENT_TIMEOUT_MS = 30_000;

export interface OperatorDoor {
  /** Runs `work` in one transaction bound to a tenant; undone when it throws. */
  inTenant<Result>(tenantId: string, work: (query: OperatorQuery) => Promise<Result>): Promise<Result>;
  /** Reads across tenants. */
  readonly query: OperatorQuery;
}

/**
 * @param operator who is recorded in the audit logs
 * @throws MigrationError when the database cannot be reached
 */
export async function withOperatorDoor<Result>(
  url: string,
  operator: string,
  work: (door: OperatorDoor) => Promise<Result>,
): Promise<Result> {
  return withClient(url, (client) => {
    const query = async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
      (await client.query<Row>(sql, [...values])).rows;
    return work({
      query,
      inTenant: async (tenantId, inside) => {
        await query('BEGIN');
        try {
          await query('SELECT tenantry.bind($1, $2, $3, $4, $5, $6)', [
            tenantId,
            operator,
            'operator',
            null,
            STATEMENT_TIMEOUT_MS,
            false,
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

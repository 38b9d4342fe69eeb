/** Runs statements as the server's role, bound to acme or unbound, and reports which of them PostgreSQL refuses. */
import type pg from 'pg';
import { boundAndUndone, connected, refusalOf, useDemoTenants } from './demo-tenants.js';
import { useDatabase } from './database.js';

/** The SQLSTATE with which a statement is refused. The transaction can continue, because of a savepoint. */
export async function stateOf(
  client: pg.Client,
  sql: string,
  values: readonly unknown[] = [],
): Promise<string> {
  await client.query('SAVEPOINT attempt');
  const { state } = await refusalOf(client.query(sql, [...values]));
  await client.query('ROLLBACK TO SAVEPOINT attempt');
  return state;
}

export const INSUFFICIENT_PRIVILEGE = '42501';

/** Call it at the top level. */
export function useRefusals() {
  const database = useDatabase();
  const tenants = useDemoTenants(database);

  /** Runs `work` as the server's role in a transaction that is bound to acme, and rolls it back. */
  const inAcme = <Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> =>
    boundAndUndone(database().app, tenants().acme, work);

  /** Runs `work` as the server's role, without a binding. */
  const unbound = <Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> =>
    connected(database().app, work);

  return { database, tenants, inAcme, unbound };
}

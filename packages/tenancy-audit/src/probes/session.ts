/**
 * A session of the application's role that changes nothing: every transaction is read-only and ends with ROLLBACK,
 * every statement has a time limit, and a refused one undoes only itself.
 */
import pg from 'pg';

/** A statement that the server refused, which is a valid result. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

export type Answer<Row> = { readonly rows: readonly Row[] } | { readonly refusal: Refusal };

/** Runs a query within the transaction; a refused query does not end it. */
export type Ask = <Row extends pg.QueryResultRow>(
  query: string | { name: string; text: string },
  values?: readonly unknown[],
) => Promise<Answer<Row>>;

/** Undoes changes of the transaction by queries, such as a setting that a function has set. */
export type Undo = () => Promise<void>;

type Work<Result> = (ask: Ask, undo: Undo) => Promise<Result>;

/** Binds the transaction to a tenant. */
export type Bind = (client: pg.ClientBase, tenant: string) => Promise<void>;

export interface ProbeSession {
  /** @throws Error when the tenant cannot be bound */
  asTenant<Result>(tenant: string, work: Work<Result>): Promise<Result>;
  withoutTenant<Result>(work: Work<Result>): Promise<Result>;
  /** Sets the settings to exactly these values, instead of binding a tenant. */
  withSettings<Result>(settings: Readonly<Record<string, string>>, work: Work<Result>): Promise<Result>;
  /** Binds a tenant and commits; the remaining state is in the session. */
  commitAsTenant(tenant: string): Promise<void>;
}

/** PostgreSQL's error codes that prove nothing about isolation. */
export const TIMED_OUT = '57014';
export const READ_ONLY = '25006';

/** @param timeoutMs how long each statement may run */
export function createProbeSession(client: pg.ClientBase, bind: Bind, timeoutMs: number): ProbeSession {
  async function transaction<Result>(prepare: () => Promise<void>, work: Work<Result>): Promise<Result> {
    await client.query('BEGIN READ ONLY');
    try {
      await client.query(`SET LOCAL statement_timeout = ${String(timeoutMs)}`);
      await prepare();
      // A binding may set its own time limit.
      await client.query(`SET LOCAL statement_timeout = ${String(timeoutMs)}`);
      // One savepoint for all queries: it remains after ROLLBACK TO.
      await client.query('SAVEPOINT asked');
      return await work(ask, undo);
    } finally {
      await client.query('ROLLBACK');
    }
  }

  const ask: Ask = async <Row extends pg.QueryResultRow>(
    query: string | { name: string; text: string },
    values: readonly unknown[] = [],
  ): Promise<Answer<Row>> => {
    try {
      const question = typeof query === 'string' ? { text: query } : query;
      return { rows: (await client.query<Row>({ ...question, values: [...values] })).rows };
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      await undo();
      return { refusal: { code: error.code ?? '', message: error.message } };
    }
  };

  async function undo(): Promise<void> {
    await client.query('ROLLBACK TO SAVEPOINT asked');
  }

  return {
    asTenant: (tenant, work) => transaction(() => bind(client, tenant), work),
    withoutTenant: (work) => transaction(() => Promise.resolve(), work),
    withSettings: (settings, work) =>
      transaction(async () => {
        for (const [name, value] of Object.entries(settings)) {
          await client.query('SELECT set_config($1, $2, true)', [name, value]);
        }
      }, work),
    async commitAsTenant(tenant) {
      await client.query('BEGIN READ ONLY');
      try {
        await bind(client, tenant);
        await client.query('COMMIT');
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      }
    },
  };
}

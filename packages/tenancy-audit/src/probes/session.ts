/**
 * A session of the application's role that looks and changes nothing: every transaction is read-only and ends with
 * ROLLBACK, every statement has a time limit, and a refused one undoes nothing but itself.
 */
import pg from 'pg';

/** A statement that the server refused: that, too, is an answer. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

export type Answer<Row> = { readonly rows: readonly Row[] } | { readonly refusal: Refusal };

/** Asks within the transaction; a refused question does not end it. */
export type Ask = <Row extends pg.QueryResultRow>(
  query: string | { name: string; text: string },
  values?: readonly unknown[],
) => Promise<Answer<Row>>;

/** Takes back what questions may have done to the transaction, such as a setting that a function has set. */
export type Undo = () => Promise<void>;

type Work<Result> = (ask: Ask, undo: Undo) => Promise<Result>;

/** Binds the transaction to a tenant. */
export type Bind = (client: pg.ClientBase, tenant: string) => Promise<void>;

export interface ProbeSession {
  /** @throws when the tenant cannot be bound */
  asTenant<Result>(tenant: string, work: Work<Result>): Promise<Result>;
  withoutTenant<Result>(work: Work<Result>): Promise<Result>;
  /** With the settings at exactly these values, whatever the database's own way of binding is. */
  withSettings<Result>(settings: Readonly<Record<string, string>>, work: Work<Result>): Promise<Result>;
  /** Binds a tenant and commits; what remains is in the session. */
  commitAsTenant(tenant: string): Promise<void>;
}

/** PostgreSQL's codes for what says nothing about isolation. */
export const TIMED_OUT = '57014';
export const READ_ONLY = '25006';

/** @param timeoutMs how long each statement may run */
export function createProbeSession(client: pg.ClientBase, bind: Bind, timeoutMs: number): ProbeSession {
  async function transaction<Result>(prepare: () => Promise<void>, work: Work<Result>): Promise<Result> {
    await client.query('BEGIN READ ONLY');
    try {
      await client.query(`SET LOCAL statement_timeout = ${String(timeoutMs)}`);
      await prepare();
      // A binding may bring a limit of its own.
      await client.query(`SET LOCAL statement_timeout = ${String(timeoutMs)}`);
      // One for all questions: it outlives the ROLLBACK to it.
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

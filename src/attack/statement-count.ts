/** Counts the statements that PostgreSQL executes for the server, by pg_stat_statements. */
import pg from 'pg';

/** What servers send by themselves, whatever they are asked, and what this file asks. */
const IN_THE_BACKGROUND = 'pg_notify|listen|pg_stat_statements|heartbeat';

export interface StatementCount {
  /** Does the work, and tells how many statements were executed meanwhile. */
  readonly during: (work: () => Promise<void>) => Promise<number>;
  readonly close: () => Promise<void>;
}

/** @throws Error when the database cannot be reached, or the extension pg_stat_statements is not there */
export async function countStatements(url: string): Promise<StatementCount> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const count = async () => {
    const { rows } = await client.query<{ calls: string }>(
      `SELECT coalesce(sum(calls), 0)::text AS calls FROM pg_stat_statements
       WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query !~* $1`,
      [IN_THE_BACKGROUND],
    );
    return Number(rows[0]!.calls);
  };
  try {
    await count();
  } catch (error) {
    await client.end();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Statements cannot be counted there: ${reason}`, { cause: error });
  }
  return {
    async during(work) {
      const before = await count();
      await work();
      return (await count()) - before;
    },
    close: () => client.end(),
  };
}

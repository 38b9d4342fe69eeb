/** Counts the statements that PostgreSQL executes for the server, with pg_stat_statements. */
import pg from 'pg';

/**
 * Not counted: statements that servers send by themselves, those of this file, and the ends of transactions, which
 * nothing waits for.
 */
const NOT_COUNTED = 'pg_notify|listen|pg_stat_statements|^ *(begin|start transaction|commit|rollback)';

export interface StatementCount {
  /** Runs the work, and returns the number of statements executed meanwhile. */
  readonly during: (work: () => Promise<void>) => Promise<number>;
  readonly close: () => Promise<void>;
}

/** @throws Error when the database cannot be reached, or the extension pg_stat_statements is missing */
export async function countStatements(url: string): Promise<StatementCount> {
  const client = new pg.Client({ connectionString: url });
  // The next statement reports a lost connection; without a listener the error would end the process.
  client.on('error', () => undefined);
  await client.connect();
  const count = async () => {
    const { rows } = await client.query<{ calls: string }>(
      `SELECT coalesce(sum(calls), 0)::text AS calls FROM pg_stat_statements
       WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query !~* $1`,
      [NOT_COUNTED],
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

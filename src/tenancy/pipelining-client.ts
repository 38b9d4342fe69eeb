/** A pg connection on which opening a transaction costs no round trip of its own. */
import pg from 'pg';

const OPENS_A_TRANSACTION = /^(BEGIN$|SET TRANSACTION ISOLATION LEVEL )/;

/**
 * Sends the statements that open a transaction without waiting for their answers: the first statement of the
 * transaction, its binding to a tenant, follows in the same flight. Should BEGIN fail, the binding ends with its own
 * statement, and every statement after it is refused for want of a tenant: the error comes later, never too late.
 */
export class PipeliningClient extends pg.Client {
  constructor(config?: pg.ClientConfig | string) {
    super({ ...(typeof config === 'string' ? { connectionString: config } : config), pipeline: true });
    const send = this.query.bind(this) as (...args: readonly unknown[]) => Promise<unknown>;
    const query = (...args: readonly unknown[]): Promise<unknown> => {
      const answer = send(...args);
      if (args.length > 1 || !OPENS_A_TRANSACTION.test(textOf(args[0]))) return answer;
      answer.catch(() => undefined);
      return Promise.resolve({ rows: [], fields: [], rowCount: 0 });
    };
    this.query = query as typeof this.query;
  }
}

function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  return typeof query === 'object' && query !== null && 'text' in query ? String(query.text) : '';
}

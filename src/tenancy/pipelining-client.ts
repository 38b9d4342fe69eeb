/**
 * A pg connection on which a transaction costs as few round trips as it can: its opening travels with its first
 * statement, and nobody waits for the end of one that only read.
 */
import pg from 'pg';
import { SessionClient } from '../database/session.js';

const OPENING = 'BEGIN';
const ISOLATION = 'SET TRANSACTION ';
const BINDING = 'SELECT tenantry.bind(';
/** Which of its parameters says that the transaction only reads. */
const READ_ONLY = 5;
const CLOSING = /^(COMMIT|ROLLBACK)$/;

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

type Send = (...args: readonly unknown[]) => Promise<unknown>;

/** What Prisma is told of a statement whose answer nobody waits for. */
const UNDER_WAY = Promise.resolve({ rows: [], fields: [], rowCount: 0 });

/**
 * Sends BEGIN, the isolation level and the binding to a tenant in one flight with the first statement behind them, and
 * does not wait for their answers. That is as safe as waiting: PostgreSQL works them off in order, and when one of them
 * fails it refuses every statement behind it (25P02, or for want of a tenant), so that nothing runs unbound. The
 * refusal is reported as the failure that caused it.
 */
export class PipeliningClient extends SessionClient {
  /** The statement that opens the transaction, not yet sent. */
  private opening: string | undefined;
  private corked = false;
  private readOnly = false;
  private bindingFailure: unknown;

  constructor(config?: pg.ClientConfig | string) {
    super({ ...(typeof config === 'string' ? { connectionString: config } : config), pipeline: true });
    const send = this.query.bind(this) as Send;
    const query: Send = (...args) => {
      // Prisma passes one object per statement. Anything else, such as the pool's own queries, is no transaction.
      const statement = args.length === 1 ? statementOf(args[0]) : undefined;
      return statement ? this.pipe(() => send(...args), send, statement) : send(...args);
    };
    this.query = query as typeof this.query;
  }

  private pipe(send: () => Promise<unknown>, sendOpening: Send, statement: Statement): Promise<unknown> {
    const { text, values } = statement;
    if (text === OPENING) {
      this.opening = OPENING;
      return UNDER_WAY;
    }
    const isFirst = this.opening !== undefined;
    if (this.opening !== undefined) {
      if (text.startsWith(ISOLATION)) {
        this.opening = `${OPENING} ${text.slice(ISOLATION.length)}`;
        return UNDER_WAY;
      }
      this.cork();
      ignore(sendOpening(this.opening));
      this.opening = undefined;
      this.bindingFailure = undefined;
      this.readOnly = false;
    }
    // Only as the first statement: a second binding is refused, and whoever sends it is to be told.
    if (isFirst && text.startsWith(BINDING)) {
      this.readOnly = values[READ_ONLY] === true;
      send().catch((error: unknown) => (this.bindingFailure = error));
      return UNDER_WAY;
    }
    const answer = send();
    this.uncork();
    if (!CLOSING.test(text)) return answer.catch((error: unknown) => this.explain(error));
    if (!this.readOnly) return answer.then(refuseSilentRollback(text));
    this.readOnly = false;
    ignore(answer);
    return UNDER_WAY;
  }

  private explain(error: unknown): never {
    throw this.bindingFailure ?? error;
  }

  private cork(): void {
    if (this.corked) return;
    this.corked = true;
    this.stream.cork();
  }

  private uncork(): void {
    if (!this.corked) return;
    this.corked = false;
    this.stream.uncork();
  }

  private get stream(): NodeJS.WritableStream & { cork(): void; uncork(): void } {
    return (
      this as unknown as { connection: { stream: NodeJS.WritableStream & { cork(): void; uncork(): void } } }
    ).connection.stream;
  }
}

/**
 * PostgreSQL answers the COMMIT of a transaction in which a statement failed with ROLLBACK, and no error. Code that
 * swallowed the failure must not believe that the rest was kept.
 */
const refuseSilentRollback = (text: string) => (answer: unknown) => {
  if (text === 'COMMIT' && (answer as { command?: string }).command === 'ROLLBACK') {
    throw new Error('the transaction was rolled back at its end, for one of its statements had failed');
  }
  return answer;
};

function ignore(answer: Promise<unknown>): void {
  answer.catch(() => undefined);
}

function statementOf(query: unknown): Statement | undefined {
  if (typeof query !== 'object' || query === null || !('text' in query) || query instanceof pg.Query)
    return undefined;
  const values = 'values' in query && Array.isArray(query.values) ? (query.values as unknown[]) : [];
  return { text: String(query.text), values };
}

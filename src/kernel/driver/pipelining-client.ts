/**
 * A pg connection on which a transaction costs as few round trips as it can: its opening travels with its first
 * statement, and nobody waits for the end of one that only read.
 */
import pg from 'pg';
import { serialize } from 'pg-protocol';
import { SessionClient } from '../database/session.js';
import { requestCancel } from './cancel-request.js';
import { generationOfPlans, noticeStalePlan } from './stale-plans.js';

const OPENING = 'BEGIN';
const ISOLATION = 'SET TRANSACTION ';
/** How the statement begins that binds a transaction to a tenant. */
export const BINDING = 'SELECT tenantry.bind(';
/** Which of its parameters says that the transaction only reads. */
const READ_ONLY = 5;
const CLOSING = /^(COMMIT|ROLLBACK)$/;

/** How long PostgreSQL is given to leave what was cancelled, in milliseconds. Then the connection is given up. */
const GIVEN_UP_AFTER_MS = 5_000;
/** How long one request to cancel may take. */
const CANCEL_REQUEST_MS = 1_000;
/** A request that arrives between two statements cancels nothing: it is repeated, after a pause that grows. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 320;

interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** What is looked at of pg's own client; its types do not know it. */
interface Internals {
  readonly connection: {
    readonly stream: NodeJS.WritableStream & { cork(): void; uncork(): void; destroy(): void };
    readonly parsedStatements: Record<string, string>;
  };
  readonly readyForQuery: boolean | undefined;
  readonly _activeQuery: unknown;
  readonly _sentQueryQueue: readonly unknown[];
  readonly _queryQueue: readonly unknown[];
  _queryable: boolean;
  /** As of the last answer. */
  getTransactionStatus(): string | null;
  readonly _ended: boolean;
}

type Send = (...args: readonly unknown[]) => Promise<unknown>;

/** What Prisma is told of a statement whose answer nobody waits for. */
const UNDER_WAY = Promise.resolve({ rows: [], fields: [], rowCount: 0 });

/** Open connections by their number. */
const clients = new Map<number, PipeliningClient>();
/** No binding affects so many rows: what Prisma is told of one is a number from here on, see {@link clientOfBinding}. */
const FIRST_NUMBER = 1_000;
let lastNumber = FIRST_NUMBER;

/**
 * The connection on which a transaction of Prisma's was bound. Prisma keeps its connections to itself; but it passes on
 * how many rows a statement touched, and to the binding the client answers with its own number instead.
 *
 * @throws Error when the statement was not the one that opened its transaction
 */
export function clientOfBinding(touched: number): PipeliningClient {
  const client = clients.get(touched);
  if (!client) throw new Error('the binding did not open its transaction');
  return client;
}

/**
 * Sends BEGIN, the isolation level and the binding to a tenant in one batch with the first statement behind them, and
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
  readonly #number = ++lastNumber;
  readonly #bound = Promise.resolve({ rows: [], fields: [], rowCount: this.#number });
  #cancelling: Promise<void> | undefined;
  #generation = generationOfPlans();
  /** Prepared under these names is what may no longer be executed. */
  readonly #inDoubt = new Set<string>();

  constructor(config?: pg.ClientConfig | string) {
    super({ ...(typeof config === 'string' ? { connectionString: config } : config), pipeline: true });
    // From its birth to its end. A connection can be lost at any moment, also while it belongs to nobody who listens;
    // whoever uses it is told by the failure of their statements.
    this.on('error', () => undefined);
    clients.set(this.#number, this);
    this.once('end', () => clients.delete(this.#number));
    const send = this.query.bind(this) as Send;
    const query: Send = (...args) => {
      // Prisma passes one object per statement. Anything else, such as the pool's own queries, is no transaction.
      const statement = args.length === 1 ? statementOf(args[0]) : undefined;
      return statement ? this.pipe(() => send(...args), send, statement) : send(...args);
    };
    this.query = query as typeof this.query;
  }

  /** True while PostgreSQL owes an answer. */
  get isBusy(): boolean {
    const { readyForQuery, _activeQuery, _sentQueryQueue, _queryQueue, _ended } = this.#internals;
    if (_ended) return false;
    return !readyForQuery || Boolean(_activeQuery) || _sentQueryQueue.length > 0 || _queryQueue.length > 0;
  }

  /** True when everything is answered, and no transaction is open. */
  get isIdle(): boolean {
    return !this.isBusy && this.#internals._queryable && this.#internals.getTransactionStatus() === 'I';
  }

  /**
   * Pending while {@link cancelWork} has not ended. Until then nobody else may use the connection: the request to cancel
   * could hit what they do.
   */
  get cancelling(): Promise<void> | undefined {
    return this.#cancelling;
  }

  /**
   * Has PostgreSQL leave what it is at for this connection, statements that it has received already included. Resolves
   * when all of them are answered, or when the connection was given up because they were not; it never rejects.
   */
  cancelWork(): Promise<void> {
    this.#cancelling ??= this.#cancelUntilQuiet().finally(() => {
      this.#cancelling = undefined;
    });
    return this.#cancelling;
  }

  /** The pool closes the connection when it is released, and gives it to nobody. */
  discard(): void {
    this.#internals._queryable = false;
  }

  async #cancelUntilQuiet(): Promise<void> {
    const giveUpAt = performance.now() + GIVEN_UP_AFTER_MS;
    const quiet = this.#untilQuiet();
    for (let pause = FIRST_PAUSE_MS; !quiet.isReached; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      if (performance.now() >= giveUpAt) {
        this.#internals.connection.stream.destroy();
        await quiet.within(CANCEL_REQUEST_MS);
        return;
      }
      await requestCancel(this, CANCEL_REQUEST_MS);
      await quiet.within(pause);
    }
  }

  /** When nothing is left that PostgreSQL has not answered; that it was so once is enough. */
  #untilQuiet(): { readonly isReached: boolean; within(ms: number): Promise<void> } {
    let isReached = !this.isBusy;
    let wake = (): void => undefined;
    const reach = () => {
      isReached = true;
      this.off('drain', reach).off('end', reach);
      wake();
    };
    if (!isReached) this.on('drain', reach).on('end', reach);
    return {
      get isReached() {
        return isReached;
      },
      within: (ms) =>
        new Promise((resolve) => {
          if (isReached) return resolve();
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        }),
    };
  }

  get #internals(): Internals {
    return this as unknown as Internals;
  }

  private pipe(sendIt: () => Promise<unknown>, sendOpening: Send, statement: Statement): Promise<unknown> {
    const { name, text, values } = statement;
    const send = () => {
      this.#closeStale(name);
      return sendIt();
    };
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
      send().catch((error: unknown) => {
        noticeStalePlan(error);
        this.bindingFailure = error;
      });
      return this.#bound;
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
    noticeStalePlan(error);
    throw this.bindingFailure ?? error;
  }

  /** Before a statement is sent by name: closes what is prepared under that name when it may be stale. */
  #closeStale(name: string): void {
    const { stream, parsedStatements } = this.#internals.connection;
    const generation = generationOfPlans();
    if (this.#generation !== generation) {
      this.#generation = generation;
      for (const each of Object.keys(parsedStatements)) {
        // pg would take it for prepared.
        Reflect.deleteProperty(parsedStatements, each);
        this.#inDoubt.add(each);
      }
    }
    if (this.#inDoubt.delete(name)) stream.write(serialize.close({ type: 'S', name }));
  }

  private cork(): void {
    if (this.corked) return;
    this.corked = true;
    this.#internals.connection.stream.cork();
  }

  private uncork(): void {
    if (!this.corked) return;
    this.corked = false;
    this.#internals.connection.stream.uncork();
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
  const name = 'name' in query && typeof query.name === 'string' ? query.name : '';
  return { name, text: String(query.text), values };
}

/**
 * A pg connection that saves round trips of transactions: BEGIN and the binding are sent together with the first
 * statement, and the end of a read-only transaction is not awaited.
 */
import pg from 'pg';
import { serialize } from 'pg-protocol';
import type { Trace } from '../tracing/trace.js';
import { SessionClient } from '../database/session.js';
import { requestCancel } from './cancel-request.js';
import { inSchema } from '../database/schemas/placed-sql.js';
import { schemaOfBinding } from './placements.js';
import { generationOfPlans, noticeStalePlan } from './stale-plans.js';

const OPENING = 'BEGIN';
const ISOLATION = 'SET TRANSACTION ';
/** The beginning of the statements that bind a transaction to a tenant: `bind`, and `bind_placed`. */
export const BINDING = 'SELECT tenantry.bind';
/** The index of its parameter that makes the transaction read-only. */
const READ_ONLY = 5;
const CLOSING = /^(COMMIT|ROLLBACK)$/;

/** How long PostgreSQL may take to stop a cancelled statement, in milliseconds. Then the connection is dropped. */
const GIVEN_UP_AFTER_MS = 5_000;
/** The longest duration of one cancel request. */
const CANCEL_REQUEST_MS = 1_000;
/**
 * The first pause before a cancel request is repeated, because a request between two statements cancels nothing. Pauses
 * grow.
 */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 320;

/**
 * The most schemas of tenants that a connection is used for. PostgreSQL keeps what it has read of their tables for as long as the
 * connection lasts.
 */
const MOST_SCHEMAS = 300;

interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Properties of pg's client that are missing in its types. */
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
  /** The status of the last answer. */
  getTransactionStatus(): string | null;
  readonly _ended: boolean;
}

type Send = (...args: readonly unknown[]) => Promise<unknown>;

/** Prisma's result of a statement whose answer is not awaited. */
const UNDER_WAY = Promise.resolve({ rows: [], fields: [], rowCount: 0 });

/** The open connections by number. */
const clients = new Map<number, PipeliningClient>();
/** The first number of a connection; more than the rows that a binding affects. See {@link clientOfBinding}. */
const FIRST_NUMBER = 1_000;
let lastNumber = FIRST_NUMBER;

/**
 * The connection of a bound Prisma transaction. Prisma does not expose connections, but it returns the number of
 * affected rows, and for the binding the client reports its own number there.
 *
 * @throws Error when the binding was not the first statement of its transaction
 */
export function clientOfBinding(touched: number): PipeliningClient {
  const client = clients.get(touched);
  if (!client) throw new Error('the binding did not open its transaction');
  return client;
}

/**
 * Sends BEGIN, the isolation level and the binding in one batch with the first statement after them, without waiting
 * for their answers. This is as safe as waiting: PostgreSQL executes them in order, and when one fails, it refuses
 * every later statement (25P02, or because no tenant is bound). So nothing runs unbound. The refusal is reported as the
 * failure that caused it.
 */
export class PipeliningClient extends SessionClient {
  /** The first statement of the transaction, not yet sent. */
  private opening: string | undefined;
  private corked = false;
  private readOnly = false;
  private bindingFailure: unknown;
  /** The schema of the transaction's tenant, when it has one of its own. */
  private schema: string | undefined;
  readonly #number = ++lastNumber;
  readonly #bound = Promise.resolve({ rows: [], fields: [], rowCount: this.#number });
  /** Of the transaction that has the connection, after its binding. */
  trace: Trace | undefined;
  readonly #schemas = new Set<string>();
  #cancelling: Promise<void> | undefined;
  #generation = generationOfPlans();
  /** The names of prepared statements that may be stale. */
  readonly #inDoubt = new Set<string>();

  constructor(config?: pg.ClientConfig | string) {
    super({ ...(typeof config === 'string' ? { connectionString: config } : config), pipeline: true });
    // A connection can be lost at any time, also while nothing listens. Its user is informed by failed statements.
    this.on('error', () => undefined);
    clients.set(this.#number, this);
    this.once('end', () => clients.delete(this.#number));
    const send = this.query.bind(this) as Send;
    const query: Send = (...args) => {
      // Prisma passes one object per statement. Other calls, such as the pool's own queries, belong to no transaction.
      const statement = args.length === 1 ? statementOf(args[0]) : undefined;
      return statement ? this.pipe(args[0] as object, send, statement) : send(...args);
    };
    this.query = query as typeof this.query;
  }

  /** Notes that a transaction of a tenant with a schema runs on the connection. */
  noteSchema(schema: string): void {
    this.#schemas.add(schema);
  }

  /** True when the connection has served so many schemas that it has to be replaced after its transaction. */
  get isWorn(): boolean {
    return this.#schemas.size > MOST_SCHEMAS;
  }

  /** True while PostgreSQL owes an answer. */
  get isBusy(): boolean {
    const { readyForQuery, _activeQuery, _sentQueryQueue, _queryQueue, _ended } = this.#internals;
    if (_ended) return false;
    return !readyForQuery || Boolean(_activeQuery) || _sentQueryQueue.length > 0 || _queryQueue.length > 0;
  }

  /** True when everything is answered and no transaction is open. */
  get isIdle(): boolean {
    return !this.isBusy && this.#internals._queryable && this.#internals.getTransactionStatus() === 'I';
  }

  /**
   * Pending until {@link cancelWork} has ended. Until then the connection must not be reused, because the cancel
   * request could cancel the next user's statement.
   */
  get cancelling(): Promise<void> | undefined {
    return this.#cancelling;
  }

  /**
   * Cancels the connection's running statement and those that PostgreSQL has already received. Resolves when all are
   * answered, or when the connection was dropped because they were not. Never rejects.
   */
  cancelWork(): Promise<void> {
    this.#cancelling ??= this.#cancelUntilQuiet().finally(() => {
      this.#cancelling = undefined;
    });
    return this.#cancelling;
  }

  /** Makes the pool close the connection at its release instead of reusing it. */
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

  /** Watches until PostgreSQL has answered everything. Statements that are sent after that moment do not matter. */
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

  private pipe(query: object, sendIt: Send, statement: Statement): Promise<unknown> {
    const { name, text, values } = statement;
    const send = () => {
      this.#closeStale(name);
      return sendIt(query);
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
      const readsOnly = text.startsWith(BINDING) && values[READ_ONLY] === true;
      this.cork();
      ignore(sendIt(readsOnly ? `${this.opening} READ ONLY` : this.opening));
      this.opening = undefined;
      this.bindingFailure = undefined;
      this.readOnly = false;
      this.schema = undefined;
    }
    // Only for the first statement: PostgreSQL refuses a second binding, and its sender must get the error.
    if (isFirst && text.startsWith(BINDING)) {
      this.readOnly = values[READ_ONLY] === true;
      this.schema = schemaOfBinding(values);
      if (this.schema !== undefined) this.noteSchema(this.schema);
      send().catch((error: unknown) => {
        noticeStalePlan(error);
        this.bindingFailure = error;
      });
      return this.#bound;
    }
    const answer = this.schema === undefined ? send() : this.#sendTo(this.schema, query, text, sendIt);
    this.uncork();
    if (!CLOSING.test(text)) return answer.catch((error: unknown) => this.explain(error));
    if (!this.readOnly) return answer.then(refuseSilentRollback(text));
    this.readOnly = false;
    ignore(answer);
    return UNDER_WAY;
  }

  /**
   * Sends a statement of a tenant with a schema of its own. It is prepared each time: the statements of Prisma that remain are
   * many, and a thousand schemas times each of them would fill the memory of the connection.
   */
  async #sendTo(schema: string, query: object, text: string, send: Send): Promise<unknown> {
    return send({ ...query, name: undefined, text: inSchema(text, schema) });
  }

  private explain(error: unknown): never {
    noticeStalePlan(error);
    throw this.bindingFailure ?? error;
  }

  /** Call it before a named statement is sent: closes the prepared statement of that name when it may be stale. */
  #closeStale(name: string): void {
    const { stream, parsedStatements } = this.#internals.connection;
    const generation = generationOfPlans();
    if (this.#generation !== generation) {
      this.#generation = generation;
      for (const each of Object.keys(parsedStatements)) {
        // Otherwise pg would treat the statement as prepared.
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
 * After a failed statement, PostgreSQL answers COMMIT with ROLLBACK and no error. Code that ignored the failure must
 * not assume that the rest was committed.
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

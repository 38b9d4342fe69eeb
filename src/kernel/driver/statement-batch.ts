/**
 * A transaction in one batch: the binding to the tenant and every statement go out in one message, and PostgreSQL works
 * them off before it is asked for anything else. One round trip, and no statement can run before the binding: when that
 * fails, PostgreSQL passes over all that follows.
 */
import pg from 'pg';
import { serialize } from 'pg-protocol';
import { asIs, parserOf, UnsupportedColumnError, type Parse } from './column-parsers.js';
import type { TenantContext } from '../request/tenant-context.js';
import { signContext, type Sign } from '../database/context-signature.js';
import { PublicError } from '../vocabulary/errors.js';
import { isRefusal, type Checkout } from './checkout.js';
import type { PipeliningClient } from './pipelining-client.js';
import { explained, statementTimeoutOf } from './time-limits.js';
import { generationOfPlans, noticeStalePlan } from './stale-plans.js';

/** A statement, with its values in the form in which they travel. */
export interface Statement {
  readonly text: string;
  readonly values: readonly (string | null)[];
}

export type Row = Record<string, unknown>;

/** Told of the course of a batch, in order. */
export interface BatchObserver {
  /** The transaction is bound: from here on a failure is that of a statement. */
  bound(): void;
  /** The rows of the next statement. */
  answered(rows: Row[]): void;
}

export interface FlightOptions {
  readonly checkout: Checkout;
  /** The name under which a connection keeps a statement prepared; the empty name prepares it each time. */
  readonly statementName: (text: string) => string;
  /** In milliseconds. */
  readonly statementTimeout: number;
  readonly sign: Sign;
  /**
   * Has PostgreSQL send each answer as soon as it has it. Otherwise it sends those of a batch together, and nobody can tell
   * how long a statement took.
   */
  readonly answersAtOnce?: boolean | undefined;
}

/**
 * Runs statements in one transaction that is bound to the tenant of a context. Resolves when it is committed, and rejects
 * with its first failure; what follows a failed statement is not run.
 */
export type SendBatch = (
  context: TenantContext,
  purpose: 'read' | 'write',
  statements: readonly Statement[],
  observer: BatchObserver,
) => Promise<void>;

const BEGIN: Statement = { text: 'BEGIN ISOLATION LEVEL REPEATABLE READ', values: [] };
const COMMIT: Statement = { text: 'COMMIT', values: [] };
/** Binds a transaction to a tenant. */
export const BIND = 'SELECT tenantry.bind($1::uuid, $2, $3, $4, $5::int, $6::boolean, $7::bigint, $8)';

/** Several statements share one snapshot. */
export function createSendBatch({
  checkout,
  statementName,
  statementTimeout,
  sign,
  answersAtOnce = false,
}: FlightOptions): SendBatch {
  return async (context, purpose, statements, observer) => {
    // Before it is signed: a signature is short-lived, and connections may be waited for.
    const { client, release } = await checkout(context.deadline);
    const { tenantId, actor, requestId } = context;
    const readOnly = String(purpose === 'read');
    const { expires, signature } = signContext(sign, context);
    const values = [
      tenantId,
      actor.id,
      actor.type,
      requestId,
      String(statementTimeoutOf(context, statementTimeout)),
      readOnly,
      expires,
      signature,
    ];
    const binding = { text: BIND, values };
    // What stands before a Sync is a transaction by itself, and a single statement needs no snapshot but its own.
    const several = statements.length > 1;
    const steps = several ? [BEGIN, binding, ...statements, COMMIT] : [binding, ...statements];
    const named = steps.map((step) => ({ ...step, name: statementName(step.text), answersAtOnce }));

    // PostgreSQL would go on sending rows that are not kept.
    const { bytes } = context;
    const refuseRow = (size: number): Error | undefined => {
      if (!bytes || bytes.take(size)) return undefined;
      void client.cancelWork();
      return bytes.error;
    };
    const failure = await new Promise<Error | undefined>((resolve) => {
      const batch = new Batch(named, several ? 1 : 0, statements.length, observer, refuseRow, resolve);
      client.query(batch as unknown as pg.Query);
    });
    // A connection on which PostgreSQL has answered is sound, when it is in no transaction. It is in a failed one until
    // that is undone, or in one that a statement of the tenant's began.
    const isSound = failure === undefined || isRefusal(failure) || isOurOwn(failure);
    const isOpen = (several && failure !== undefined) || statusOf(client) !== IDLE;
    if (isSound && isOpen) client.query('ROLLBACK').catch(ignore);
    release(isSound);
    if (failure !== undefined) throw explained(failure, context);
  };
}

/** PostgreSQL has answered; what it answered is not taken here. */
const isOurOwn = (failure: Error): boolean =>
  failure instanceof UnsupportedColumnError || failure instanceof PublicError;

const IDLE = 'I';

/** As of the last answer: pg has the method, its types have not. */
const statusOf = (client: PipeliningClient): string | null =>
  (client as unknown as { getTransactionStatus(): string | null }).getTransactionStatus();

const ignore = (): void => undefined;

interface Step extends Statement {
  readonly name: string;
  readonly answersAtOnce: boolean;
}

/** Makes an object of the values of a row; undefined when there is a column that is not read here. */
type ReadRow = ((values: readonly (string | null)[]) => Row) | undefined;

/** What a connection knows of a statement it was sent by name: how to read its answer, or that it may have failed. */
type Prepared = NonNullable<ReadRow> | 'in doubt';

/** The part of pg's connection that a query speaks to. */
interface Wire {
  readonly stream: { readonly writable: boolean; write(message: Buffer): void };
}

/** What a connection has prepared, by name, and which generation of plans that belongs to. */
class PreparedStatements extends Map<string, Prepared> {
  #generation = generationOfPlans();

  /** Those on a connection. All of them are in doubt when a plan has proved stale since, on whichever connection. */
  static on(wire: Wire): PreparedStatements {
    const known = preparedOn.get(wire) ?? new PreparedStatements();
    preparedOn.set(wire, known);
    const generation = generationOfPlans();
    if (known.#generation !== generation) {
      known.#generation = generation;
      for (const name of known.keys()) known.set(name, 'in doubt');
    }
    return known;
  }
}

const preparedOn = new WeakMap<Wire, PreparedStatements>();

// pg knows a query of its own kind by its class, and declares its methods as properties.
const Query = pg.Query as unknown as new (text: string) => object;

/**
 * A query of pg's that consists of several statements of the extended protocol and one Sync behind them. Its own fields
 * are private by name, for pg looks at properties of its queries.
 */
class Batch extends Query {
  #prepared = new PreparedStatements();
  #at = 0;
  /** Of the statement at `at`; undefined before PostgreSQL has described them. */
  #readRow: ReadRow;
  #rows: Row[] = [];
  #failure: Error | undefined;
  #landed = false;

  readonly #steps: readonly Step[];
  readonly #binding: number;
  readonly #statements: number;
  readonly #observer: BatchObserver;
  readonly #refuseRow: (size: number) => Error | undefined;
  readonly #done: (failure: Error | undefined) => void;

  /**
   * @param binding where the binding stands; behind it lie so many statements of the tenant
   * @param refuseRow is asked for each row, with its size in bytes, before it is kept
   */
  constructor(
    steps: readonly Step[],
    binding: number,
    statements: number,
    observer: BatchObserver,
    refuseRow: (size: number) => Error | undefined,
    done: (failure: Error | undefined) => void,
  ) {
    super(COMMIT.text);
    this.#steps = steps;
    this.#binding = binding;
    this.#statements = statements;
    this.#observer = observer;
    this.#refuseRow = refuseRow;
    this.#done = done;
  }

  /** What it sends, for whoever watches a connection. */
  get statements(): readonly Statement[] {
    return this.#steps;
  }

  /** Called when the batch is over. pg also calls it when its time is up, and replaces it to stop its clock. */
  callback = (failure?: Error | null): void => {
    if (this.#landed) return;
    this.#landed = true;
    this.#done(failure ?? undefined);
  };

  submit(wire: Wire): null {
    this.#prepared = PreparedStatements.on(wire);
    const messages: Buffer[] = [];
    // The same statement may stand in a batch twice.
    const parsed = new Set<string>();
    for (const { name, text, values, answersAtOnce } of this.#steps) {
      const known = this.#known(name);
      const isParsed = typeof known === 'function' || (name !== '' && parsed.has(name));
      if (!isParsed) {
        if (known === 'in doubt') messages.push(serialize.close({ type: 'S', name }));
        messages.push(serialize.parse({ name, text }));
        parsed.add(name);
      }
      messages.push(serialize.bind({ statement: name, values: values as (string | null)[] }));
      // Described once per connection: what a prepared statement answers with cannot change (stale-plans.ts).
      if (typeof known !== 'function') messages.push(serialize.describe({ type: 'P', name: '' }));
      messages.push(serialize.execute());
      if (answersAtOnce) messages.push(serialize.flush());
    }
    messages.push(serialize.sync());
    if (wire.stream.writable) wire.stream.write(Buffer.concat(messages));
    this.#expect();
    return null;
  }

  handleRowDescription({ fields }: { fields: readonly { name: string; dataTypeID: number }[] }): void {
    this.#readRow = rowReader(fields);
    if (!this.#readRow && this.#answers) {
      this.#failure ??= new UnsupportedColumnError(this.#steps[this.#at]!.text);
    }
  }

  handleDataRow({ fields, length }: { fields: readonly (string | null)[]; length: number }): void {
    if (this.#failure !== undefined || !this.#answers) return;
    this.#failure = this.#refuseRow(length);
    if (this.#failure !== undefined) {
      this.#rows = [];
      return;
    }
    try {
      this.#rows.push(this.#readRow!(fields));
    } catch (error) {
      this.#failure = error as Error;
    }
  }

  handleCommandComplete(): void {
    if (this.#landed) return;
    const { name } = this.#steps[this.#at]!;
    if (name !== '') this.#prepared.set(name, this.#answers ? (this.#readRow ?? 'in doubt') : noRow);
    if (this.#failure === undefined) {
      if (this.#at === this.#binding) this.#observer.bound();
      else if (this.#answers) this.#observer.answered(this.#rows);
    }
    this.#at++;
    this.#expect();
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete();
  }

  handleError(error: Error): void {
    // It may have failed before it was prepared, or after. Those behind it were passed over.
    const name = this.#steps[this.#at]?.name;
    if (name) this.#prepared.set(name, 'in doubt');
    noticeStalePlan(error);
    // What failed first is the failure.
    this.callback(this.#failure ?? error);
  }

  handleReadyForQuery(): void {
    this.callback(this.#failure);
  }

  get #answers(): boolean {
    return this.#at > this.#binding && this.#at <= this.#binding + this.#statements;
  }

  #expect(): void {
    const step = this.#steps[this.#at];
    const known = step && this.#known(step.name);
    this.#readRow = typeof known === 'function' ? known : undefined;
    this.#rows = [];
  }

  #known(name: string): Prepared | undefined {
    return name === '' ? undefined : this.#prepared.get(name);
  }
}

const noRow = (): Row => ({});

/**
 * Makes the function that reads the rows of an answer: an object literal with the columns' names, so that all of them
 * have one shape, which is read and written much faster than one that grows by computed keys.
 */
function rowReader(fields: readonly { readonly name: string; readonly dataTypeID: number }[]): ReadRow {
  const parsers: Parse[] = [];
  for (const { dataTypeID } of fields) {
    const parse = parserOf(dataTypeID);
    if (!parse) return undefined;
    parsers.push(parse);
  }
  const properties = fields.map(({ name }, index) => {
    const value = `values[${String(index)}]`;
    const parsed =
      parsers[index] === asIs ? value : `${value} === null ? null : parsers[${String(index)}](${value})`;
    // In brackets, for that is what makes `__proto__` a name like any other.
    return `[${JSON.stringify(name)}]: ${parsed}`;
  });
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- nothing of it but quoted names comes from outside
  const make = new Function('parsers', `return (values) => ({ ${properties.join(', ')} })`);
  return (make as (parsers: readonly Parse[]) => ReadRow)(parsers);
}

/**
 * Runs a transaction in one batch: sends the binding and all statements in one message, which takes one round trip. No
 * statement can run before the binding: when the binding fails, PostgreSQL skips everything after it.
 */
import pg from 'pg';
import { serialize } from 'pg-protocol';
import { UnsupportedColumnError } from './column-parsers.js';
import type { TenantContext } from '../request/tenant-context.js';
import type { Sign } from '../database/context-signature.js';
import { bindingOf, COMMIT, OPENINGS } from './batch-binding.js';
import { PublicError } from '../vocabulary/errors.js';
import { isRefusal, type Checkout } from './checkout.js';
import type { PipeliningClient } from './pipelining-client.js';
import { explained } from './time-limits.js';
import { inSchema } from '../database/schemas/placed-sql.js';
import type { Placements } from './placements.js';
import { noRow, rowReader, type ReadRow, type Row } from './row-reader.js';
import { codeOf } from '../tracing/trace.js';
import { sqlAttributes } from './sql-attributes.js';
import { forgetOldest } from './statement-names.js';
import { generationOfPlans, noticeStalePlan } from './stale-plans.js';

/** A statement with its values in PostgreSQL's text form. */
export interface Statement {
  readonly text: string;
  readonly values: readonly (string | null)[];
  /** The text before it was written for the schema of its tenant, under which it is known. */
  readonly original?: string | undefined;
}

/** Is called with the progress of a batch, in order. */
export interface BatchObserver {
  /** The transaction is bound; a later failure is the failure of a statement. */
  bound(): void;
  /** The rows of the next statement. */
  answered(rows: Row[]): void;
}

export interface FlightOptions {
  readonly checkout: Checkout;
  /** The name of the prepared statement on a connection; a statement with an empty name is prepared each time. */
  readonly statementName: (text: string) => string;
  /** The same for statements in the schema of one tenant, which must not take the names of those for all. */
  readonly placedStatementName: (text: string) => string;
  /** In milliseconds. */
  readonly statementTimeout: number;
  readonly sign: Sign;
  /** Those of the database to which batches are sent. */
  readonly placements: Placements;
  /**
   * Makes PostgreSQL send each answer at once. Otherwise it sends the answers of a batch together, and the duration of
   * one statement cannot be measured.
   */
  readonly answersAtOnce?: boolean | undefined;
  /** Called with the number of rows of each statement's answer. */
  readonly onRows?: ((tenantId: string, rows: number) => void) | undefined;
}

/**
 * Runs statements in one transaction that is bound to the tenant of a context. Resolves when it is committed, and
 * rejects with its first failure; the statements after it are not run.
 */
export type SendBatch = (
  context: TenantContext,
  purpose: 'read' | 'write',
  statements: readonly Statement[],
  observer: BatchObserver,
) => Promise<void>;

/** Creates the function that sends batches. Several statements share one snapshot. */
export function createSendBatch({
  checkout,
  statementName,
  placedStatementName,
  statementTimeout,
  sign,
  placements,
  answersAtOnce = false,
  onRows,
}: FlightOptions): SendBatch {
  return async (context, purpose, statements, observer) => {
    const { tenantId } = context;
    const schema = placements.schemaOf(tenantId);
    const placed = schema === undefined ? statements : statements.map((each) => inOwn(each, schema));
    // Before signing, because a signature is short-lived and a connection may not be free at once.
    const { client, release } = await checkout(context.deadline);
    if (schema !== undefined) client.noteSchema(schema);
    const trace = context.usage?.trace;
    const binding = bindingOf(context, purpose, schema, { statementTimeout, sign });
    const step = trace?.child('SQL', sqlAttributes(statements.map(({ text }) => text)));
    // The statements before a Sync are a transaction without BEGIN, and a single statement has one snapshot anyway.
    const several = statements.length > 1;
    const steps: readonly Statement[] = several
      ? [OPENINGS[purpose], binding, ...placed, COMMIT]
      : [binding, ...placed];
    const nameOf = ({ text, original }: Statement) =>
      original === undefined ? statementName(text) : placedStatementName(text);
    const named = steps.map((step) => ({ ...step, name: nameOf(step), answersAtOnce }));

    // Otherwise PostgreSQL would send further rows, which are not kept.
    const { bytes } = context;
    const refuseRow = (size: number): Error | undefined => {
      if (!bytes || bytes.take(size)) return undefined;
      void client.cancelWork();
      return bytes.error;
    };
    const failure = await new Promise<Error | undefined>((resolve) => {
      const counting: BatchObserver = onRows
        ? {
            bound: () => observer.bound(),
            answered: (rows) => {
              onRows(tenantId, rows.length);
              observer.answered(rows);
            },
          }
        : observer;
      const batch = new Batch(named, several ? 1 : 0, statements.length, counting, refuseRow, resolve);
      client.query(batch as unknown as pg.Query);
    });
    // A connection on which PostgreSQL has answered can be reused when it is in no transaction. It may still be in a
    // failed transaction, or in one that a statement of the tenant began.
    const isSound = failure === undefined || isRefusal(failure) || isOurOwn(failure);
    const isOpen = (several && failure !== undefined) || statusOf(client) !== IDLE;
    if (isSound && isOpen) client.query('ROLLBACK').catch(ignore);
    release(isSound && !client.isWorn);
    step?.end(failure && codeOf(failure));
    if (failure !== undefined) {
      placements.notice(failure, tenantId);
      throw explained(failure, context);
    }
  };
}

/** The statement for the schema of a tenant. */
const inOwn = ({ text, values }: Statement, schema: string): Statement => ({
  text: inSchema(text, schema),
  values,
  original: text,
});

/** PostgreSQL has answered, but the answer was refused here. */
const isOurOwn = (failure: Error): boolean =>
  failure instanceof UnsupportedColumnError || failure instanceof PublicError;

const IDLE = 'I';

/** The transaction status of the last answer. pg's types lack the method. */
const statusOf = (client: PipeliningClient): string | null =>
  (client as unknown as { getTransactionStatus(): string | null }).getTransactionStatus();

const ignore = (): void => undefined;

interface Step extends Statement {
  readonly name: string;
  readonly answersAtOnce: boolean;
}

/** The state of a named statement on a connection: the reader of its rows, or that it may have failed. */
type Prepared = NonNullable<ReadRow> | 'in doubt';

/** The part of pg's connection that a query uses. */
interface Wire {
  readonly stream: { readonly writable: boolean; write(message: Buffer): void };
}

/** The prepared statements of a connection by name, and their generation of plans. */
class PreparedStatements extends Map<string, Prepared> {
  #generation = generationOfPlans();

  /** The prepared statements of a connection. All of them are in doubt after a plan was stale on any connection. */
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

// pg recognizes its queries by their class, and declares their methods as properties.
const Query = pg.Query as unknown as new (text: string) => object;

/**
 * A pg query of several statements in the extended protocol and one Sync after them. Its own fields are `#private`,
 * because pg reads properties of its queries.
 */
class Batch extends Query {
  #prepared = new PreparedStatements();
  #at = 0;
  /** The reader of the statement at `at`; undefined before PostgreSQL has described its columns. */
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
   * @param binding the index of the binding; the tenant's statements follow it
   * @param refuseRow called with the size of each row in bytes before the row is kept
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

  /** The sent statements, for code that watches a connection. */
  get statements(): readonly Statement[] {
    return this.#steps;
  }

  /** Called when the batch has ended. pg also calls it at its time limit, and replaces it to stop its timer. */
  callback = (failure?: Error | null): void => {
    if (this.#landed) return;
    this.#landed = true;
    this.#done(failure ?? undefined);
  };

  submit(wire: Wire): null {
    this.#prepared = PreparedStatements.on(wire);
    const messages = forgetOldest(this.#prepared).map((name) => serialize.close({ type: 'S', name }));
    // A batch may contain the same statement twice.
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
      // Described once per connection: the result columns of a prepared statement cannot change (stale-plans.ts).
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
      const { text, original = text } = this.#steps[this.#at]!;
      this.#failure ??= new UnsupportedColumnError(original);
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
    // It may have failed before or after it was prepared. Later statements were skipped.
    const name = this.#steps[this.#at]?.name;
    if (name) this.#prepared.set(name, 'in doubt');
    noticeStalePlan(error);
    // The first failure counts.
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

/**
 * Reads the plans of statements, for development. Each plan comes from EXPLAIN without ANALYZE, which executes nothing,
 * in a read-only transaction with the statement's own binding, so the same tenant and policies apply. A separate
 * connection is used, so no request waits.
 */
import type pg from 'pg';
import { SessionClient } from '../database/session.js';
import { BIND, BIND_PLACED } from './batch-binding.js';
import { schemaOfBinding } from './placements.js';
import type { BoundStatement } from './statement-log.js';

/** The plan of a statement, for the log. */
export interface PlanLine {
  readonly tenant: string;
  readonly requestId: string;
  readonly sql: string;
  /** PostgreSQL's lines, or the reason why there is no plan. */
  readonly plan: string;
}

const HAS_PLAN = /^\s*(?:SELECT|WITH|UPDATE|DELETE)\b/i;

/** Indexes of the arguments of `tenantry.bind` that this transaction sets itself. */
const STATEMENT_TIMEOUT = 4;
/** The arguments of both bindings. Those of a traced transaction have more. */
const ARGUMENTS = 8;
const ARGUMENTS_PLACED = 10;
const READ_ONLY = 5;
const TIMEOUT_MS = 2_000;

/** The most statements that wait for their plans; further ones are skipped. */
const LONGEST_LINE = 200;

export class Plans {
  readonly #connectionString: string;
  readonly #write: (line: PlanLine) => void;
  #client: Promise<pg.Client> | undefined;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  readonly #isGeneric: boolean;

  /**
   * The connection is opened for the first statement.
   *
   * @param generic plans for any values, which PostgreSQL 16 makes; they show none
   */
  constructor(
    connectionString: string,
    write: (line: PlanLine) => void,
    { generic = false }: { readonly generic?: boolean } = {},
  ) {
    this.#isGeneric = generic;
    this.#connectionString = connectionString;
    this.#write = write;
  }

  /** Requests and writes the plan of a statement that reads rows. Returns at once and never throws. */
  explain(statement: BoundStatement): void {
    if (!HAS_PLAN.test(statement.text) || this.#waiting >= LONGEST_LINE) return;
    this.#waiting++;
    this.#last = this.#last.then(async () => {
      const plan = await this.#planOf(statement).catch((error: unknown) => `no plan: ${String(error)}`);
      this.#waiting--;
      const [tenant, , , requestId] = statement.binding;
      this.#write({ tenant: String(tenant), requestId: String(requestId), sql: statement.text, plan });
    });
  }

  /** Waits for the requested plans, then closes the connection. */
  async close(): Promise<void> {
    await this.#last;
    const client = await this.#client?.catch(() => undefined);
    await client?.end();
  }

  async #planOf({ text, values, binding }: BoundStatement): Promise<string> {
    this.#client ??= this.#connect();
    const client = await this.#client.catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
    const bound = [...binding];
    bound[STATEMENT_TIMEOUT] = String(TIMEOUT_MS);
    bound[READ_ONLY] = 'true';
    await client.query('BEGIN');
    try {
      if (schemaOfBinding(bound) === undefined) await client.query(BIND, bound.slice(0, ARGUMENTS));
      else await client.query(BIND_PLACED, bound.slice(0, ARGUMENTS_PLACED));
      const explain = this.#isGeneric
        ? { text: `EXPLAIN (GENERIC_PLAN) ${text}` }
        : { text: `EXPLAIN ${text}`, values: [...values] };
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(explain);
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    } finally {
      await client.query('ROLLBACK');
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new SessionClient({
      connectionString: this.#connectionString,
      application_name: 'tenantry plans',
    });
    // A lost connection is opened again for the next statement.
    client.on('error', () => undefined);
    client.once('end', () => {
      this.#client = undefined;
    });
    await client.connect();
    return client;
  }
}

/**
 * The plans of statements, for development. Each is asked for by EXPLAIN without ANALYZE, which executes nothing, in a
 * read-only transaction that is bound as the statement's own was: the plan is that of the same tenant behind the same
 * policies. It has a connection of its own, so no request waits for it.
 */
import type pg from 'pg';
import { SessionClient } from '../database/session.js';
import { BIND } from './statement-batch.js';
import type { BoundStatement } from './statement-log.js';

/** What is told of a statement's plan. */
export interface PlanLine {
  readonly tenant: string;
  readonly requestId: string;
  readonly sql: string;
  /** Lines of PostgreSQL; why there is none, when it could not be had. */
  readonly plan: string;
}

const HAS_PLAN = /^\s*(?:SELECT|WITH|UPDATE|DELETE)\b/i;

/** Of `tenantry.bind`, what another transaction has for itself. */
const STATEMENT_TIMEOUT = 4;
const READ_ONLY = 5;
const TIMEOUT_MS = 2_000;

/** Statements that wait for their plans; those beyond are left out. */
const LONGEST_LINE = 200;

export class Plans {
  readonly #connectionString: string;
  readonly #write: (line: PlanLine) => void;
  #client: Promise<pg.Client> | undefined;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** Opens no connection yet: the first statement does. */
  constructor(connectionString: string, write: (line: PlanLine) => void) {
    this.#connectionString = connectionString;
    this.#write = write;
  }

  /** Asks for the plan of a statement that reads rows, and writes it. Never waits, never throws. */
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

  /** Waits for what was asked for, and closes the connection. */
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
      await client.query(BIND, bound);
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, [...values]);
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
    // A connection that is lost is made again for the next statement.
    client.on('error', () => undefined);
    client.once('end', () => {
      this.#client = undefined;
    });
    await client.connect();
    return client;
  }
}

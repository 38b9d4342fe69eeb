/**
 * Asks a PostgreSQL server the same question again and again, over a connection of its own. A lost connection is replaced
 * at the next question, and a server that does not answer keeps nobody waiting but the question.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { SessionClient } from '../database/session.js';

/** What tells two databases apart: the cluster, the database in it, and the role that asks. */
const IDENTITY = `
  SELECT pg_catalog.concat_ws(' ', (SELECT system_identifier FROM pg_catalog.pg_control_system()), oid, current_user) AS it
  FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`;

export interface Question<Row extends pg.QueryResultRow> {
  readonly sql: string;
  /** Called with each answer, and with the time at which its question was sent, on the clock of `performance.now()`. */
  readonly answered: (row: Row, askedAt: number) => void;
  /** Called with each failure. */
  readonly failed: (error: unknown) => void;
}

export interface WatchOptions {
  readonly url: string;
  readonly everyMs: number;
  readonly timeoutMs: number;
}

export class WatchedServer<Row extends pg.QueryResultRow> {
  readonly #options: WatchOptions;
  readonly #question: Question<Row>;
  readonly #stop = new AbortController();
  readonly #asking: Promise<void>;
  #client: pg.Client | undefined;
  /** Of that client, once it is connected. */
  #connection: Promise<pg.Client> | undefined;
  #identity: string | undefined;

  /** The first question is asked at once. */
  constructor(options: WatchOptions, question: Question<Row>) {
    this.#options = options;
    this.#question = question;
    this.#asking = this.#askAgainAndAgain();
  }

  /** The same text for a primary and its replicas, when the same database and role are asked for. Undefined: not known. */
  get identity(): string | undefined {
    return this.#identity;
  }

  /**
   * Asks now, besides the regular questions.
   *
   * @throws the error of the connection or of the statement
   */
  async ask(): Promise<Row> {
    const connection = await (this.#connection ??= this.#open());
    const askedAt = performance.now();
    try {
      const { rows } = await connection.query<Row>(this.#question.sql);
      const row = rows[0]!;
      this.#question.answered(row, askedAt);
      return row;
    } catch (error) {
      this.#drop(connection);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#asking;
    const connection = await this.#connection?.catch(() => undefined);
    this.#connection = undefined;
    await connection?.end();
  }

  async #askAgainAndAgain(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.ask();
      } catch (error) {
        this.#question.failed(error);
      }
      await pause(this.#options.everyMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #open(): Promise<pg.Client> {
    const { url, timeoutMs } = this.#options;
    const connection = new SessionClient({
      connectionString: url,
      application_name: 'tenantry replica watch',
      keepAlive: true,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
    });
    this.#client = connection;
    connection.on('error', () => this.#drop(connection));
    try {
      await connection.connect();
      const { rows } = await connection.query<{ it: string }>(IDENTITY);
      this.#identity = rows[0]!.it;
      return connection;
    } catch (error) {
      this.#drop(connection);
      throw error;
    }
  }

  #drop(connection: pg.Client): void {
    if (this.#client === connection) this.#client = this.#connection = undefined;
    connection.end().catch(() => undefined);
  }
}

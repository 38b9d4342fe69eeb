/**
 * Checks that the database answers, over a separate connection, so that a tenant that keeps the pool busy does not make
 * the server unready. The connection is opened at the first probe and replaced after a failure.
 */
import pg from 'pg';

export interface Readiness {
  /**
   * Resolves when the database answers now, or did recently. Probes are not authenticated, so all of them together
   * cause at most two statements a second.
   *
   * @throws Error when the database does not answer
   */
  check(): Promise<void>;
  close(): Promise<void>;
}

export interface ReadinessOptions {
  /** The URL of the pool. */
  readonly url: string;
  /** How long an answer is used for other probes, in milliseconds. */
  readonly sharedForMs?: number;
}

const SHARED_FOR_MS = 500;
const TIMEOUT_MS = 2_000;

/** Opens no connection yet: the first question does. */
export const createReadiness = ({ url, sharedForMs = SHARED_FOR_MS }: ReadinessOptions): Readiness =>
  new Probe(url, sharedForMs);

class Probe implements Readiness {
  readonly #url: string;
  readonly #sharedForMs: number;
  #connection: pg.Client | undefined;
  #answer: Promise<void> | undefined;
  /** When the answer arrived, on the clock of `performance.now()`; Infinity while it is pending. */
  #answeredAt = 0;
  #closed = false;

  constructor(url: string, sharedForMs: number) {
    this.#url = url;
    this.#sharedForMs = sharedForMs;
  }

  check(): Promise<void> {
    if (this.#answer && performance.now() - this.#answeredAt < this.#sharedForMs) return this.#answer;
    this.#answeredAt = Infinity;
    this.#answer = this.#ask().finally(() => (this.#answeredAt = performance.now()));
    return this.#answer;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#answer?.catch(() => undefined);
    await this.#connection?.end();
  }

  async #ask(): Promise<void> {
    if (this.#closed) throw new Error('the server is stopping');
    let connection = this.#connection;
    try {
      if (!connection) {
        this.#connection = connection = this.#open();
        await connection.connect();
      }
      await connection.query('SELECT 1');
    } catch (error) {
      this.#drop(connection);
      throw error;
    }
  }

  #open(): pg.Client {
    const connection = new pg.Client({
      connectionString: this.#url,
      application_name: 'tenantry readiness',
      keepAlive: true,
      connectionTimeoutMillis: TIMEOUT_MS,
      query_timeout: TIMEOUT_MS,
    });
    // Notices a connection that is lost between two probes.
    connection.on('error', () => this.#drop(connection));
    return connection;
  }

  #drop(connection: pg.Client | undefined): void {
    if (this.#connection === connection) this.#connection = undefined;
    connection?.end().catch(() => undefined);
  }
}

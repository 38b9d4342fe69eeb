/**
 * Whether the database answers, asked over a connection of its own: a tenant that keeps the pool busy does not take the
 * server out of rotation. It is opened with the first probe, kept, and replaced after a failure.
 */
import pg from 'pg';

export interface Readiness {
  /**
   * Resolves when the database answers now, or did a moment ago: probes are not authenticated, so that all of them together
   * cause two statements a second at the most.
   *
   * @throws why it does not
   */
  check(): Promise<void>;
  close(): Promise<void>;
}

export interface ReadinessOptions {
  /** As the pool's. */
  readonly url: string;
  /** How long an answer serves other probes, in milliseconds. */
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
  /** When the answer came, on the clock of `performance.now()`; Infinity while it is waited for. */
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
    // From its birth to its end: one that is lost between two probes is noticed here.
    connection.on('error', () => this.#drop(connection));
    return connection;
  }

  #drop(connection: pg.Client | undefined): void {
    if (this.#connection === connection) this.#connection = undefined;
    connection?.end().catch(() => undefined);
  }
}

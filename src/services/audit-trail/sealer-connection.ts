/**
 * The connection on which a server seals. It is not one of the pool, so that sealing and requests do not wait for each
 * other. It is opened when it is needed and replaced after a failure. Every transaction is bound to one tenant, as the
 * system.
 */
import pg from 'pg';
import { SessionClient } from '../../kernel/database/session.js';
import { signContext, type Sign } from '../../kernel/database/context-signature.js';

const STATEMENT_TIMEOUT_MS = 30_000;
/** After this time without an answer the connection is lost. */
const SILENCE_MS = 40_000;
const CONNECT_MS = 5_000;

const ACTOR = { type: 'system', id: 'audit-sealer' } as const;

export interface SealerConnectionOptions {
  /** The URL of the server's role. */
  readonly url: string;
  readonly sign: Sign;
}

export class SealerConnection {
  readonly #options: SealerConnectionOptions;
  #client: pg.Client | undefined;

  constructor(options: SealerConnectionOptions) {
    this.#options = options;
  }

  get sign(): Sign {
    return this.#options.sign;
  }

  /** Runs one statement. @throws the errors of pg; afterwards the connection is a new one */
  async query<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const client = await this.#open();
    try {
      return (await client.query<Row>(sql, [...values])).rows;
    } catch (error) {
      this.#drop(client);
      throw error;
    }
  }

  /**
   * Begins a transaction that is bound to a tenant, together with its first statements, which have no parameters. Each
   * of them sees what was committed before it began.
   *
   * @returns the rows of each statement
   */
  async begin(tenantId: string, ...statements: readonly string[]): Promise<object[][]> {
    const { expires, signature } = signContext(this.sign, { tenantId, actor: ACTOR, requestId: '' });
    const binding = [tenantId, ACTOR.id, ACTOR.type].map((value) => pg.escapeLiteral(value));
    const signed = [expires, signature].map((value) => (value === null ? 'NULL' : pg.escapeLiteral(value)));
    const bind = `SELECT tenantry.bind_placed(${binding.join(', ')}, NULL, ${String(STATEMENT_TIMEOUT_MS)}, false, ${signed.join(', ')}, NULL, NULL)`;
    const client = await this.#open();
    try {
      const results = (await client.query(
        ['BEGIN ISOLATION LEVEL READ COMMITTED', bind, ...statements].join(';\n'),
      )) as unknown as pg.QueryResult<object>[];
      return results.slice(2).map(({ rows }) => rows);
    } catch (error) {
      this.#drop(client);
      throw error;
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  async #open(): Promise<pg.Client> {
    if (this.#client) return this.#client;
    const client = new SessionClient({
      connectionString: this.#options.url,
      application_name: 'tenantry audit sealer',
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: SILENCE_MS,
    });
    client.on('error', () => this.#drop(client));
    this.#client = client;
    try {
      await client.connect();
      return client;
    } catch (error) {
      this.#drop(client);
      throw error;
    }
  }

  /** Ends a transaction that is open, too: PostgreSQL rolls it back. */
  #drop(client: pg.Client): void {
    if (this.#client === client) this.#client = undefined;
    client.end().catch(() => undefined);
  }
}

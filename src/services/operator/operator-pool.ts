/**
 * The connections of the operators' door: a small pool of its own, as tenantry_operator. No request of a tenant uses it, and
 * operators use no connection of tenants.
 */
import pg from 'pg';
import { checkContextSigning } from '../../kernel/database/preparation/context-keys.js';
import { createSign, type Sign } from '../../kernel/database/context-signature.js';
import { MigrationError } from '../../kernel/database/migration-error.js';
import { OPERATOR_ROLE, withClient } from '../../kernel/database/owner-connection.js';
import { SessionClient } from '../../kernel/database/session.js';
import { OperatorConnection } from './operator-connection.js';

const MOST_CONNECTIONS = 4;
const MAX_WAIT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 30_000;

export interface OperatorPoolOptions {
  /** The URL of the role tenantry_operator. */
  readonly url: string;
  /** The key that signs contexts; undefined when they are unsigned. */
  readonly contextKey: string | undefined;
  readonly onConnectionError: (error: Error) => void;
}

export class OperatorPool {
  readonly #options: OperatorPoolOptions;
  readonly #pool: pg.Pool;
  readonly #sign: Sign;

  constructor(options: OperatorPoolOptions) {
    this.#options = options;
    this.#sign = createSign(options.contextKey);
    this.#pool = new pg.Pool({
      connectionString: options.url,
      max: MOST_CONNECTIONS,
      connectionTimeoutMillis: MAX_WAIT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      application_name: 'tenantry operators',
      Client: SessionClient,
    });
    this.#pool.on('error', (error) => {
      // As in database.ts.
      if (!this.#pool.ending) options.onConnectionError(error);
    });
    // pg's pool takes its own listener off a client before it hands it out.
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** @throws MigrationError when the URL is not that of the operators' role, or the signing keys are others */
  async check(): Promise<void> {
    const { url, contextKey } = this.#options;
    await withClient(url, async (client) => {
      const [role] = (await client.query<{ name: string }>('SELECT current_user AS name')).rows;
      if (role?.name !== OPERATOR_ROLE) {
        throw new MigrationError(
          `DATABASE_OPERATOR_URL has to name the role ${OPERATOR_ROLE}, not "${role?.name ?? ''}".`,
        );
      }
      await checkContextSigning(client, contextKey);
    });
  }

  /** The client of an operator for one request. It takes a connection for each of its operations. */
  forOperator(operator: string, requestId: string): OperatorConnection {
    return new OperatorConnection({
      borrow: (work) => this.#borrow(work),
      sign: this.#sign,
      operator,
      requestId,
    });
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  async #borrow<Result>(work: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect();
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      // Nothing says in which state the connection is.
      client.release(true);
      throw error;
    }
  }
}

/**
 * Drops pooled connections on which a statement has left something that could reach the next tenant.
 *
 * The database refuses temporary tables, and a tenant's context ends with its transaction. These outlive a transaction:
 * session settings, cursors WITH HOLD, session advisory locks, LISTEN, and statements prepared by PREPARE, which may
 * replace one of the server's. The server creates none of them, so a connection that has one is dropped.
 *
 * An inspection costs a round trip, after the answer is sent. So it only runs after a statement whose text is new to
 * this process, as injected SQL usually is, and on each connection at intervals.
 */
import { LRUCache } from 'lru-cache';
import { PipeliningClient } from './pipelining-client.js';
import type { Statement } from './statement-batch.js';

/** Returns what was left as one text; '' when nothing was. Exported for tests, which count the sent statements. */
export const INSPECTION = `SELECT pg_catalog.concat_ws(', ',
  CASE WHEN pg_catalog.pg_my_temp_schema() <> 0 THEN 'temporary objects' END,
  (SELECT 'a cursor' FROM pg_catalog.pg_cursors WHERE is_holdable LIMIT 1),
  (SELECT 'a prepared statement' FROM pg_catalog.pg_prepared_statements WHERE from_sql LIMIT 1),
  (SELECT 'an advisory lock' FROM pg_catalog.pg_locks
   WHERE locktype OPERATOR(pg_catalog.=) 'advisory' AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() LIMIT 1),
  (SELECT 'LISTEN' FROM pg_catalog.pg_listening_channels() LIMIT 1),
  (SELECT pg_catalog.string_agg('the setting ' OPERATOR(pg_catalog.||) name, ', ' ORDER BY name)
   FROM pg_catalog.pg_settings WHERE source OPERATOR(pg_catalog.=) 'session'),
  CASE WHEN pg_catalog.current_setting('app.current_tenant', true) OPERATOR(pg_catalog.<>) '' THEN 'a bound tenant' END
) AS leftovers`;

/** A used connection is inspected after this time even if all of its statements are known. */
const LOOK_EVERY_MS = 10_000;
/** The longest inspection; after it, the connection is dropped. */
const TIMEOUT_MS = 2_000;
/** The most characters of all known texts, and of one of them. */
const REMEMBERED = 4_000_000;
const LONGEST = 100_000;

/** The options of {@link InspectedClient}, in addition to those of pg. */
export interface LeftoverOptions {
  /** Texts of statements after which nothing was left; shared by the connections of a pool. */
  readonly harmless: LRUCache<string, true>;
  /** Called with what was found on a dropped connection. */
  readonly onLeftovers: (leftovers: string) => void;
}

/** An empty cache of known texts. The least recently used are removed first. */
export const createHarmless = (): LRUCache<string, true> =>
  new LRUCache({ maxSize: REMEMBERED, maxEntrySize: LONGEST, sizeCalculation: (_, text) => text.length + 1 });

type Release = (error?: Error | boolean) => void;

/** A connection that is inspected before it returns to the pool. */
export class InspectedClient extends PipeliningClient {
  readonly #options: LeftoverOptions;
  readonly #unknown = new Set<string>();
  #lookedAt = performance.now();
  /** The pool's function for the current use. */
  #giveBack: Release | undefined;

  constructor(config: ConstructorParameters<typeof PipeliningClient>[0] & LeftoverOptions) {
    super(config);
    this.#options = config;
    const send = this.query.bind(this) as (...args: readonly unknown[]) => unknown;
    const query = (...args: readonly unknown[]): unknown => {
      this.#note(args[0]);
      return send(...args);
    };
    this.query = query as typeof this.query;
  }

  /** The pool sets this for each use, and the user of the connection calls it. */
  get release(): Release {
    return this.#release;
  }

  set release(giveBack: Release) {
    this.#giveBack = giveBack;
  }

  readonly #release: Release = (error) => {
    const giveBack = this.#giveBack;
    if (giveBack === undefined) throw new Error('this connection has been released already');
    this.#giveBack = undefined;
    const isDue = this.#unknown.size > 0 || performance.now() - this.#lookedAt > LOOK_EVERY_MS;
    if (error !== undefined && error !== false) giveBack(error);
    else if (isDue) void this.#look().then(giveBack);
    else giveBack();
  };

  /** Inspects the connection. @returns an error when the pool must drop it */
  async #look(): Promise<Error | undefined> {
    const texts = [...this.#unknown];
    this.#unknown.clear();
    this.#lookedAt = performance.now();
    try {
      const inspection = { text: INSPECTION, query_timeout: TIMEOUT_MS };
      const { rows } = await super.query<{ leftovers: string }>(inspection);
      const leftovers = rows[0]?.leftovers;
      if (leftovers === '') {
        for (const text of texts) this.#options.harmless.set(text, true);
        return undefined;
      }
      this.#options.onLeftovers(leftovers ?? 'an unknown state');
      return new Error(`a statement has left ${leftovers ?? 'an unknown state'} on the connection`);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #note(query: unknown): void {
    if (typeof query === 'string') this.#noteText(query);
    else if (typeof query === 'object' && query !== null) {
      // A batch of statements: see statement-batch.ts.
      if ('statements' in query)
        for (const { text, original = text } of query.statements as readonly Statement[])
          this.#noteText(original);
      else if ('text' in query) this.#noteText(String(query.text));
    }
  }

  #noteText(text: string): void {
    if (!this.#options.harmless.has(text)) this.#unknown.add(text);
  }
}

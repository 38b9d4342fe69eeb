/**
 * Sees to it that what a statement leaves on a pooled connection does not meet the next tenant.
 *
 * Temporary tables are refused by the database, and a tenant's context ends with its transaction. Other things outlive it: a
 * setting of the session, a cursor WITH HOLD, an advisory lock of the session, LISTEN, a statement prepared by PREPARE (in the
 * place of one of ours, perhaps). The server makes none of them, so that a connection on which one is found is dropped.
 *
 * To look costs a round trip, when the answer is on its way already. That is spent where there is a reason: on a statement
 * whose text this process has not seen yet, which injected SQL is as a rule, and on each connection from time to time.
 */
import { LRUCache } from 'lru-cache';
import { PipeliningClient } from './pipelining-client.js';
import type { Statement } from './statement-batch.js';

/** What is looked for, as one text; '' when there is nothing. Exported for tests, which count what is sent. */
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

/** However often its statements are known, a connection is looked at after so many milliseconds of use. */
const LOOK_EVERY_MS = 10_000;
/** In a moment, or the connection is not worth keeping. */
const TIMEOUT_MS = 2_000;
/** Characters of the texts that are remembered, and of the longest of them. */
const REMEMBERED = 4_000_000;
const LONGEST = 100_000;

/** What the pool is told beside pg's own options. */
export interface LeftoverOptions {
  /** Texts of statements that were seen to leave nothing; shared by the connections of a pool. */
  readonly harmless: LRUCache<string, true>;
  /** Told what was found on a connection that was dropped. */
  readonly onLeftovers: (leftovers: string) => void;
}

/** Remembers nothing yet. What was not used for longest is forgotten first. */
export const createHarmless = (): LRUCache<string, true> =>
  new LRUCache({ maxSize: REMEMBERED, maxEntrySize: LONGEST, sizeCalculation: (_, text) => text.length + 1 });

type Release = (error?: Error | boolean) => void;

/** A connection of the pool that is looked at before it is given back. */
export class InspectedClient extends PipeliningClient {
  readonly #options: LeftoverOptions;
  readonly #unknown = new Set<string>();
  #lookedAt = performance.now();
  /** The pool's own, for the present use. */
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

  /** The pool sets this for each use, and whoever has taken the connection calls it. */
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

  /** What the pool is to be given the connection back with: an error when it has to go. */
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
      // Several that leave together: see statement-batch.ts.
      if ('statements' in query)
        for (const { text } of query.statements as readonly Statement[]) this.#noteText(text);
      else if ('text' in query) this.#noteText(String(query.text));
    }
  }

  #noteText(text: string): void {
    if (!this.#options.harmless.has(text)) this.#unknown.add(text);
  }
}

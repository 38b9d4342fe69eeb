/**
 * Reads from a streaming replica. What is guaranteed:
 *
 * - Only reads whose request allows it are sent there, bound to their tenant as on the primary.
 * - A reader sees its own writes, and nobody reads data that is older than `maxLagMs`. The replica itself is asked for its
 *   position on the connection of each read, before the snapshot of the read is taken.
 * - A replica that is away, too far behind or silent costs nothing: the primary answers, and the replica is tried again in
 *   the background.
 */
import type pg from 'pg';
import { createCheckout, type Checkout } from '../driver/checkout.js';
import { UnsupportedColumnError } from '../driver/column-parsers.js';
import type { Row } from '../driver/row-reader.js';
import { createSendBatch, type FlightOptions, type SendBatch } from '../driver/statement-batch.js';
import type { Freshness } from '../request/freshness.js';
import type { TenantContext } from '../request/tenant-context.js';
import { PublicError } from '../vocabulary/errors.js';
import { LogPositions, parsePosition, positionText } from './log-positions.js';
import { WatchedServer } from './watched-server.js';

const ASKED_EVERY_MS = 250;
const ANSWERED_WITHIN_MS = 1_000;
/** How long a read waits for the first answer of the replica, before the primary is asked. */
const SILENCE_MS = 500;

/** `pg_current_wal_lsn` would miss a commit that did not wait for its write to disk. */
const PRIMARY = 'SELECT pg_catalog.pg_current_wal_insert_lsn()::text AS position';
const REPLICA = `
  SELECT pg_catalog.pg_last_wal_replay_lsn()::text AS position, pg_catalog.pg_is_in_recovery() AS follows`;
/** Sent before the binding, as a transaction of its own: the snapshot of the read is then the newer one. */
const HAS_REACHED = `
  SELECT pg_catalog.pg_is_in_recovery() AND pg_catalog.pg_last_wal_replay_lsn() OPERATOR(pg_catalog.>=) $1::pg_catalog.pg_lsn AS reached`;

export interface ReplicaOptions extends Omit<FlightOptions, 'checkout'> {
  /** Of the connections for reads, which are the replica's own. */
  readonly pool: pg.Pool;
  readonly url: string;
  readonly primaryUrl: string;
  readonly poolSize: number;
  /** The most connections of one tenant, whatever its plan. */
  readonly perTenant: number;
  /** How old data may be. */
  readonly maxLagMs: number;
  /** Called when the replica can no longer be read, and when it can be again. */
  readonly onChange: (message: string) => void;
}

/** For metrics. */
export interface ReplicaState {
  /** Batches of reads that the replica has answered. */
  readonly answered: number;
  /** Batches of reads that were sent to it, and answered by the primary. */
  readonly failed: number;
  /** How old its data is at most, in milliseconds; undefined while it is away or too far behind. */
  readonly lagMs: number | undefined;
}

export class Replica {
  readonly #options: ReplicaOptions;
  readonly #checkout: Checkout;
  readonly #positions: LogPositions;
  readonly #primary: WatchedServer<{ position: string }>;
  readonly #standby: WatchedServer<{ position: string | null; follows: boolean }>;
  /** The replica's last known position; undefined while it is away. */
  #replayed: bigint | undefined;
  /** An answer to an earlier question says nothing about now. */
  #awaySince = -Infinity;
  #isTold: boolean | undefined;
  /** The question for the primary's position that has not been sent. */
  #next: Promise<bigint> | undefined;
  /** The one that was sent last. */
  #last: Promise<unknown> = Promise.resolve();
  #inUse = 0;
  readonly #inUseBy = new Map<string, number>();
  #answered = 0;
  #failed = 0;

  constructor(options: ReplicaOptions) {
    const { url, primaryUrl, maxLagMs, pool, statementTimeout } = options;
    this.#options = options;
    this.#checkout = createCheckout(pool, statementTimeout + ANSWERED_WITHIN_MS);
    this.#positions = new LogPositions(maxLagMs);
    const watch = { everyMs: ASKED_EVERY_MS, timeoutMs: ANSWERED_WITHIN_MS };
    this.#primary = new WatchedServer(
      { url: primaryUrl, ...watch },
      {
        sql: PRIMARY,
        answered: ({ position }, askedAt) => this.#positions.sampled(parsePosition(position), askedAt),
        // Whoever needs the primary reports it.
        failed: () => undefined,
      },
    );
    this.#standby = new WatchedServer(
      { url, ...watch },
      {
        sql: REPLICA,
        answered: ({ position, follows }, askedAt) => this.#heard(follows ? position : null, askedAt),
        failed: (error) => this.#away(error instanceof Error ? error.message : String(error)),
      },
    );
  }

  get state(): ReplicaState {
    const lagMs = this.#replayed === undefined ? undefined : this.#positions.lagAt(this.#replayed);
    return { answered: this.#answered, failed: this.#failed, lagMs };
  }

  /** The reader has written: it sees that from now on, wherever it reads. */
  wrote(reader: string): void {
    this.#positions.wrote(reader);
  }

  /**
   * A position of the primary that contains everything committed before the call. Callers share questions.
   *
   * @throws the error of the connection
   */
  position(): Promise<bigint> {
    // One that is under way may be answered with a position from before the caller's commit.
    const ask = () => {
      this.#next = undefined;
      const asked = this.#primary.ask().then(({ position }) => parsePosition(position));
      this.#last = asked;
      return asked;
    };
    return (this.#next ??= this.#last.then(ask, ask));
  }

  /** Sends the reads that may be old to the replica, and all other batches to the primary. */
  inFrontOf(primary: SendBatch): SendBatch {
    return async (context, purpose, statements, observer) => {
      const { freshness } = context;
      const answers = freshness?.mayLag ? await this.#ask(context, freshness, statements) : undefined;
      if (!answers) {
        // What the request reads later must not be older than this.
        freshness?.forbidLag();
        return primary(context, purpose, statements, observer);
      }
      observer.bound();
      for (const rows of answers) observer.answered(rows);
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#primary.close(), this.#standby.close()]);
    await this.#options.pool.end();
  }

  /** @returns the rows of each statement; undefined when the primary has to be asked */
  async #ask(
    context: TenantContext,
    freshness: Freshness,
    statements: Parameters<SendBatch>[2],
  ): Promise<Row[][] | undefined> {
    const needed = this.#neededBy(freshness);
    const leave = needed === undefined ? undefined : this.#enter(context);
    if (needed === undefined || !leave) return undefined;
    const answers = await this.#read(context, positionText(needed), statements, leave);
    if (answers) this.#answered++;
    else this.#failed++;
    return answers;
  }

  #neededBy({ reader, after }: Freshness): bigint | undefined {
    if (this.#replayed === undefined) return undefined;
    const needed = this.#positions.neededBy(reader, after);
    return needed !== undefined && this.#replayed >= needed ? needed : undefined;
  }

  /** Takes one of the connections. Nobody waits for one: the primary has connections, too. */
  #enter({ tenantId, plan }: TenantContext): (() => void) | undefined {
    const { poolSize, perTenant } = this.#options;
    const own = this.#inUseBy.get(tenantId) ?? 0;
    const most = Math.min(perTenant, plan?.concurrentTransactions ?? perTenant);
    if (this.#inUse >= poolSize || own >= most) return undefined;
    this.#inUse++;
    this.#inUseBy.set(tenantId, own + 1);
    return () => {
      this.#inUse--;
      const left = this.#inUseBy.get(tenantId)! - 1;
      if (left > 0) this.#inUseBy.set(tenantId, left);
      else this.#inUseBy.delete(tenantId);
    };
  }

  async #read(
    context: TenantContext,
    needed: string,
    statements: Parameters<SendBatch>[2],
    leave: () => void,
  ): Promise<Row[][] | undefined> {
    const { statementName } = this.#options;
    const startedAt = performance.now();
    const answers: Row[][] = [];
    const bytes = context.bytes?.attempt();
    let silence: NodeJS.Timeout | undefined;
    let hear: (reached: boolean | undefined) => void = () => undefined;
    const heard = new Promise<boolean | undefined>((resolve) => {
      hear = resolve;
      silence = setTimeout(() => resolve(undefined), SILENCE_MS);
    });
    const checkout: Checkout = async (deadline) => {
      const taken = await this.#checkout(deadline);
      taken.client
        .query<{ reached: boolean }>({
          name: statementName(HAS_REACHED),
          text: HAS_REACHED,
          values: [needed],
        })
        .then(
          ({ rows }) => hear(rows[0]?.reached === true),
          () => hear(false),
        );
      return taken;
    };
    const send = createSendBatch({ ...this.#options, checkout });
    const rows = send({ ...context, bytes }, 'read', statements, {
      bound: () => undefined,
      answered: (each) => answers.push(each),
    }).finally(leave);
    rows.catch(() => hear(false));
    try {
      const reached = await heard;
      if (reached === undefined) {
        this.#away('it does not answer');
        return undefined;
      }
      await rows;
      if (!reached) return undefined;
    } catch (error) {
      const isFinal = error instanceof PublicError || error instanceof UnsupportedColumnError;
      if (!isFinal) return undefined;
      if (bytes) context.bytes?.keep(bytes);
      throw error;
    } finally {
      clearTimeout(silence);
      context.usage?.addDatabaseTime(performance.now() - startedAt);
    }
    if (bytes) context.bytes?.keep(bytes);
    return answers;
  }

  #heard(position: string | null, askedAt: number): void {
    if (askedAt < this.#awaySince) return;
    const { identity } = this.#primary;
    // The primary has not answered yet.
    if (identity === undefined) return;
    if (position === null) this.#away('it is not a replica: it takes writes itself');
    else if (this.#standby.identity !== identity)
      this.#away('it is a replica of another server, or its URL names another database or role');
    else {
      this.#replayed = parsePosition(position);
      this.#tell(true, 'the replica is read');
    }
  }

  #away(why: string): void {
    this.#replayed = undefined;
    this.#awaySince = performance.now();
    this.#tell(false, `the replica is not read, and the primary answers: ${why}`);
  }

  #tell(isThere: boolean, message: string): void {
    if (this.#isTold === isThere) return;
    this.#isTold = isThere;
    this.#options.onChange(message);
  }
}

/**
 * What each tenant uses, for operators and for bills. A request pays for nothing but additions in memory; a batch is
 * written every few seconds, and when the server ends.
 *
 * Guarantees: nothing is counted twice, because the database knows the number of the last batch of each process, and a
 * batch whose end is unknown is sent again as it was. Nothing is lost while the process lives or when it ends in order. A
 * process that is killed loses what it has not written: the counts of at most {@link WRITTEN_EVERY_MS}, or of the time
 * that the database could not be reached. Memory is bounded: a few numbers per tenant that was active in that time and hour.
 */
import { randomUUID } from 'node:crypto';
import type { Database } from '../../kernel/tenancy/database.js';
import { sqlState } from '../../kernel/vocabulary/sql-state.js';

/** How often counts are written, in milliseconds. */
export const WRITTEN_EVERY_MS = 10_000;
/** The most tenants of one batch: a statement of some milliseconds. */
const MOST_OF_BATCH = 1_000;
const HOUR_MS = 3_600_000;

export interface Use {
  /** Operations that began: queries, mutations and subscriptions. */
  requests: number;
  /** How long transactions held connections, in milliseconds. */
  databaseMs: number;
  /** Rows that statements have read or written. */
  rows: number;
  /** The bytes of answers and events, before compression. */
  bytes: number;
  /** Attempts of jobs. */
  jobs: number;
}

/** The counts of one process that are not written yet. */
export class TenantUsage {
  readonly #now: () => number;
  #hour = 0;
  #ofHour = new Map<string, Use>();
  readonly #byHour = new Map<number, Map<string, Use>>();

  /** @param now tells the time in milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Adds to the present hour of a tenant. */
  add(tenantId: string, kind: keyof Use, amount: number): void {
    const hour = Math.floor(this.#now() / HOUR_MS);
    if (hour !== this.#hour) this.#begin(hour);
    let use = this.#ofHour.get(tenantId);
    if (!use) this.#ofHour.set(tenantId, (use = { requests: 0, databaseMs: 0, rows: 0, bytes: 0, jobs: 0 }));
    use[kind] += amount;
  }

  /** Removes up to `most` tenants with what was counted for them: the rows of `tenantry.add_tenant_usage`. */
  take(most: number): (readonly [tenantId: string, hour: string, ...numbers: number[]])[] {
    const taken: ReturnType<TenantUsage['take']> = [];
    for (const [hour, tenants] of this.#byHour) {
      const starts = new Date(hour * HOUR_MS).toISOString();
      for (const [tenantId, { requests, databaseMs, rows, bytes, jobs }] of tenants) {
        if (taken.length === most) return taken;
        taken.push([tenantId, starts, requests, databaseMs, rows, bytes, jobs]);
        tenants.delete(tenantId);
      }
      if (tenants !== this.#ofHour) this.#byHour.delete(hour);
    }
    return taken;
  }

  #begin(hour: number): void {
    this.#hour = hour;
    this.#ofHour = this.#byHour.get(hour) ?? new Map<string, Use>();
    this.#byHour.set(hour, this.#ofHour);
  }
}

/** Writes the counts of a process. */
export class UsageWriter {
  readonly #usage: TenantUsage;
  readonly #database: Pick<Database, 'query' | 'sign'>;
  readonly #warn: (problem: string) => void;
  readonly #server = randomUUID();
  readonly #timer: NodeJS.Timeout;
  #batch = 0;
  /** A batch that may have been added or not: it is sent again until the database has answered. */
  #unanswered: string | undefined;
  #writing = Promise.resolve(true);

  /** @param warn is told when counts cannot be written */
  constructor(
    usage: TenantUsage,
    database: Pick<Database, 'query' | 'sign'>,
    warn: (problem: string) => void,
  ) {
    this.#usage = usage;
    this.#database = database;
    this.#warn = warn;
    this.#timer = setInterval(() => void this.write(), WRITTEN_EVERY_MS);
    this.#timer.unref();
  }

  /** Writes what was counted until now. Never fails. @returns false when something could not be written */
  write(): Promise<boolean> {
    return (this.#writing = this.#writing.then(() => this.#writeAll()));
  }

  /** Writes the rest, and stops. Call it before the database is closed. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    // Once more, because the answer to the first may have been lost with its connection.
    if ((await this.write()) || (await this.write())) return;
    this.#warn('what tenants have used in the last seconds is lost, because it could not be written');
  }

  async #writeAll(): Promise<boolean> {
    try {
      for (;;) {
        if (this.#unanswered === undefined) {
          const counted = this.#usage.take(MOST_OF_BATCH);
          if (counted.length === 0) return true;
          this.#batch++;
          this.#unanswered = JSON.stringify(counted);
        }
        await this.#send(this.#unanswered);
        this.#unanswered = undefined;
      }
    } catch (error) {
      const why = sqlState(error) ?? (error instanceof Error ? error.name : 'unknown');
      this.#warn(`what tenants use could not be written (${why}); it will be tried again`);
      return false;
    }
  }

  async #send(counted: string): Promise<void> {
    const told = [this.#server, String(this.#batch), counted];
    const { expires, signature } = this.#database.sign('add_tenant_usage', ...told);
    await this.#database.query(
      'SELECT tenantry.add_tenant_usage($1, $2, $3, $4, $5)',
      [...told, expires, signature],
      { purpose: 'usage' },
    );
  }
}

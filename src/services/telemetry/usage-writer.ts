/**
 * Writes counts in the background: what tenants use, and which parts of the schema.
 *
 * Guarantees: nothing is counted twice, because the database knows the number of the last batch of each process, and a
 * batch whose end is unknown is sent again as it was. Nothing is lost while the process lives or when it ends in order. A
 * process that is killed loses what it has not written: the counts since the last write, or of the time that the database
 * could not be reached.
 */
import { randomUUID } from 'node:crypto';
import type { Database } from '../../kernel/tenancy/database.js';
import { failureDetail } from '../../kernel/vocabulary/sql-state.js';

/** How often what tenants use is written, in milliseconds. */
export const WRITTEN_EVERY_MS = 10_000;
/** The most rows of one batch: a statement of some milliseconds. */
const MOST_OF_BATCH = 1_000;

/** The counts of one process that are not written yet. */
export interface Counts {
  /** Removes about `most` rows of the tenants that `isWanted` names, and returns them. */
  take(most: number, isWanted: (tenantId: string) => boolean): readonly unknown[];
}

/** The functions of the kernel that add counts. */
export type AddCounts = 'add_tenant_usage' | 'add_field_usage';

export interface UsageWriterParts {
  readonly counts: Counts;
  readonly into: AddCounts;
  readonly database: Pick<Database, 'query' | 'sign'>;
  /** Whether a tenant is in this database: its counts are written here. Default: every tenant. */
  readonly isHere?: ((tenantId: string) => boolean) | undefined;
  /** Is told when counts cannot be written. */
  readonly warn: (problem: string) => void;
}

/** Writes the counts of a process. */
export class UsageWriter {
  readonly #parts: UsageWriterParts;
  readonly #server = randomUUID();
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #batch = 0;
  /** A batch that may have been added or not: it is sent again until the database has answered. */
  #unanswered: string | undefined;
  #writing = Promise.resolve(true);

  constructor(parts: UsageWriterParts, everyMs = WRITTEN_EVERY_MS) {
    this.#parts = parts;
    this.#everyMs = everyMs;
  }

  /** Writes from now on again and again. */
  start(): void {
    this.#timer = setInterval(() => void this.write(), this.#everyMs);
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
    this.#parts.warn('what tenants have used in the last seconds is lost, because it could not be written');
  }

  async #writeAll(): Promise<boolean> {
    const { counts, isHere = () => true } = this.#parts;
    try {
      for (;;) {
        if (this.#unanswered === undefined) {
          const counted = counts.take(MOST_OF_BATCH, isHere);
          if (counted.length === 0) return true;
          this.#batch++;
          this.#unanswered = JSON.stringify(counted);
        }
        await this.#send(this.#unanswered);
        this.#unanswered = undefined;
      }
    } catch (error) {
      const why = failureDetail(error) ?? 'unknown';
      this.#parts.warn(`what tenants use could not be written (${why}); it will be tried again`);
      return false;
    }
  }

  async #send(counted: string): Promise<void> {
    const told = [this.#server, String(this.#batch), counted];
    const { database, into } = this.#parts;
    const { expires, signature } = database.sign(into, ...told);
    await database.query(`SELECT tenantry.${into}($1, $2, $3, $4, $5)`, [...told, expires, signature], {
      purpose: 'usage',
    });
  }
}

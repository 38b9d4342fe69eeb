/**
 * Knows in which cell each tenant is that is not in the default one. A server holds all of the directory in memory and asks
 * twice a second for what has changed, so a route is found without waiting. The directory only says where to ask: what is
 * answered there is decided in the cell, so an old or a wrong entry finds nothing, and grants nothing.
 */
import { sqlState } from '../vocabulary/sql-state.js';
import { unavailable } from '../vocabulary/errors.js';
import { lowerAscii } from '../vocabulary/lower-ascii.js';
import type { Database } from '../tenancy/database.js';

/** How often changes are asked for, in milliseconds. */
const ASKED_EVERY_MS = 500;

interface Entry {
  readonly subject: string;
  readonly slug: string;
  readonly cell: string | null;
  readonly changed: string;
}

/** A server's copy of the directory. */
export class Directory {
  readonly #database: Pick<Database, 'query' | 'sign'>;
  readonly #warn: (problem: string) => void;
  readonly #bySlug = new Map<string, string>();
  readonly #byTenant = new Map<string, { readonly slug: string; readonly cell: string }>();
  readonly #timer: NodeJS.Timeout;
  #since = '0';
  #isComplete = false;
  #asking: Promise<void> | undefined;
  #told: string | undefined;

  /** @param database the default cell */
  constructor(database: Pick<Database, 'query' | 'sign'>, warn: (problem: string) => void) {
    this.#database = database;
    this.#warn = warn;
    this.#timer = setInterval(() => void this.refresh().catch(() => undefined), ASKED_EVERY_MS);
    this.#timer.unref();
  }

  /** The name of the tenant's cell; undefined for a tenant of the default cell, and for one that is not known. */
  cellOf(tenantId: string): string | undefined {
    return this.#byTenant.get(lowerAscii(tenantId))?.cell;
  }

  /** The same, of a tenant that is named by its id or its slug. @throws UNAVAILABLE when nothing is known yet */
  async find(tenantRef: string): Promise<string | undefined> {
    await this.ready();
    const wanted = lowerAscii(tenantRef);
    return this.cellOf(this.#bySlug.get(wanted) ?? wanted);
  }

  /** Resolves when every entry is known. @throws UNAVAILABLE when the default cell does not answer */
  async ready(): Promise<void> {
    if (this.#isComplete) return;
    await this.refresh().catch(() => {
      throw unavailable();
    });
  }

  /** Asks for what has changed. @throws the errors of the database */
  refresh(): Promise<void> {
    return (this.#asking ??= this.#ask().finally(() => (this.#asking = undefined)));
  }

  /** Asks no more. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#asking?.catch(() => undefined);
  }

  async #ask(): Promise<void> {
    try {
      for (let found = 1; found > 0;) {
        const { expires, signature } = this.#database.sign('read_directory', this.#since);
        const entries = await this.#database.query<Entry & Record<string, unknown>>(
          'SELECT subject::text, slug, cell, changed::text FROM tenantry.read_directory($1, $2, $3)',
          [this.#since, expires, signature],
          { purpose: 'changes' },
        );
        for (const entry of entries) this.#keep(entry);
        found = entries.length;
      }
      this.#isComplete = true;
      this.#told = undefined;
    } catch (error) {
      const why = sqlState(error) ?? (error instanceof Error ? error.name : 'unknown');
      if (why !== this.#told) this.#warn(`changes of the directory of cells are not heard for now (${why})`);
      this.#told = why;
      throw error;
    }
  }

  #keep({ subject, slug, cell, changed }: Entry): void {
    const former = this.#byTenant.get(subject);
    if (former && this.#bySlug.get(former.slug) === subject) this.#bySlug.delete(former.slug);
    if (cell === null) this.#byTenant.delete(subject);
    else {
      this.#byTenant.set(subject, { slug, cell });
      this.#bySlug.set(slug, subject);
    }
    this.#since = changed;
  }
}

/**
 * Knows in which cell each tenant is that is not in the default one. A server holds all of the directory in memory and asks
 * twice a second for what has changed, so a route is found without waiting. The directory only says where to ask: what is
 * answered there is decided in the cell, so an old or a wrong entry finds nothing, and grants nothing.
 */
import { failureDetail } from '../vocabulary/sql-state.js';
import { unreachable } from '../vocabulary/errors.js';
import { lowerAscii } from '../vocabulary/lower-ascii.js';
import type { Database } from '../tenancy/database.js';

/** How often changes are asked for, in milliseconds. */
const ASKED_EVERY_MS = 500;

interface Entry {
  readonly subject: string;
  readonly slug: string;
  readonly cell: string;
  readonly changed: string;
}

/** A row of `tenantry.read_directory`: without an entry when there is none that is new. */
type Row = { readonly removals: string } & (Entry | { readonly subject: null }) & Record<string, unknown>;

/** All entries that were read, as long as none is removed. */
class Entries {
  readonly removals: string | undefined;
  since = '0';
  readonly #idOf = new Map<string, string>();
  readonly #placeOf = new Map<string, Pick<Entry, 'slug' | 'cell'>>();
  readonly cells = new Set<string>();

  constructor(removals?: string) {
    this.removals = removals;
  }

  keep({ subject, slug, cell, changed }: Entry): void {
    const former = this.#placeOf.get(subject);
    if (former && this.#idOf.get(former.slug) === subject) this.#idOf.delete(former.slug);
    this.#placeOf.set(subject, { slug, cell });
    this.#idOf.set(slug, subject);
    this.cells.add(cell);
    this.since = changed;
  }

  cellOf(tenantId: string): string | undefined {
    return this.#placeOf.get(tenantId)?.cell;
  }

  idOf(slug: string): string | undefined {
    return this.#idOf.get(slug);
  }
}

/** A server's copy of the directory. */
export class Directory {
  readonly #database: Pick<Database, 'query' | 'sign'>;
  readonly #warn: (problem: string) => void;
  readonly #timer: NodeJS.Timeout;
  #entries = new Entries();
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
    return this.#entries.cellOf(lowerAscii(tenantId));
  }

  /** The names of the cells that have tenants, and perhaps of some that had. */
  get cells(): ReadonlySet<string> {
    return this.#entries.cells;
  }

  /** The name of the cell of a tenant that is named by its id or its slug. @throws UNAVAILABLE when nothing is known yet */
  async find(tenantRef: string): Promise<string | undefined> {
    await this.ready();
    const wanted = lowerAscii(tenantRef);
    return this.#entries.cellOf(this.#entries.idOf(wanted) ?? wanted);
  }

  /** Resolves when every entry is known. @throws UNAVAILABLE when the default cell does not answer */
  async ready(): Promise<void> {
    if (this.#isComplete) return;
    await this.refresh().catch(() => {
      throw unreachable();
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
      let entries = this.#entries;
      for (;;) {
        const rows = await this.#read(entries.since);
        const { removals } = rows[0]!;
        if (removals !== entries.removals) {
          // From the beginning. Until all is read, the former entries count.
          entries = new Entries(removals);
          continue;
        }
        const found = rows.filter((row) => row.subject !== null);
        for (const entry of found) entries.keep(entry);
        if (found.length === 0) break;
      }
      this.#entries = entries;
      this.#isComplete = true;
      this.#told = undefined;
    } catch (error) {
      const why = failureDetail(error) ?? 'unknown';
      if (why !== this.#told) this.#warn(`changes of the directory of cells are not heard for now (${why})`);
      this.#told = why;
      throw error;
    }
  }

  #read(since: string): Promise<Row[]> {
    const { expires, signature } = this.#database.sign('read_directory', since);
    return this.#database.query<Row>(
      `SELECT removals::text, subject::text, slug, cell, changed::text FROM tenantry.read_directory($1, $2, $3)`,
      [since, expires, signature],
      { purpose: 'changes' },
    );
  }
}

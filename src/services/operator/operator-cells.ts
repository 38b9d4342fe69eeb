/**
 * The connections of one operator to all cells, and which of them has a tenant. Lists are read from the cells that answer, and
 * it is known which others there are, so that nobody takes a part of the tenants for all of them.
 */
import { newestMigration } from '../../kernel/database/schemas/own-schema.js';
import { Deadline } from '../../kernel/request/deadline.js';
import { PublicError, unavailable } from '../../kernel/vocabulary/errors.js';
import type { OperatorConnection } from './operator-connection.js';

/** How long a cell may take to say that it is there. */
const PATIENCE_MS = 5_000;
/** The longest statement of a list. */
const LIST_MS = 30_000;

/** Reads tenants of one cell, each statement within a time. */
export type ReadsCell = Pick<OperatorConnection, 'query'>;

/** A cell whose tenants a list lacks. */
export interface AwayCell {
  /** `default` for the default one. */
  readonly name: string;
  /** Why it does not answer. */
  readonly error: unknown;
}

/** The cells as they are at one moment. */
export interface CellsForLists {
  readonly reachable: readonly ReadsCell[];
  readonly away: readonly AwayCell[];
}

export class OperatorCells {
  /** The default cell, which has the directory. */
  readonly home: OperatorConnection;
  readonly #others: ReadonlyMap<string, OperatorConnection>;
  readonly #onAway: (cell: AwayCell) => void;
  #forLists: Promise<CellsForLists> | undefined;

  /**
   * @param others the other cells that this process knows, by their names
   * @param onAway hears of each cell that lists lack
   */
  constructor(
    home: OperatorConnection,
    others: ReadonlyMap<string, OperatorConnection>,
    onAway: (cell: AwayCell) => void = () => undefined,
  ) {
    this.home = home;
    this.#others = others;
    this.#onAway = onAway;
  }

  /**
   * The cells that answer within five seconds and, beside the default one, have all migrations of this version; and the names of
   * all others. They are asked once, so all lists of a request are of the same cells, and what fails later is an error of the whole list.
   *
   * @throws UNAVAILABLE when none answers
   */
  forLists(): Promise<CellsForLists> {
    return (this.#forLists ??= this.#ask());
  }

  async #ask(): Promise<CellsForLists> {
    const all = [['default', this.home] as const, ...this.#others];
    const answers = await Promise.allSettled(
      all.map(([, connection]) => within(PATIENCE_MS, cellsKnownTo(connection, connection === this.home))),
    );
    const reachable: ReadsCell[] = [];
    const away: AwayCell[] = [];
    for (const [place, answer] of answers.entries()) {
      const [name, connection] = all[place]!;
      if (answer.status === 'rejected') away.push({ name, error: answer.reason });
      else reachable.push({ query: (sql, values) => within(LIST_MS, connection.query(sql, values)) });
    }
    if (reachable.length === 0) throw away[0]!.error;
    const [atHome] = answers;
    for (const name of atHome?.status === 'fulfilled' ? atHome.value : []) {
      if (!this.#others.has(name)) away.push({ name, error: notKnownHere(name) });
    }
    for (const cell of away) this.#onAway(cell);
    return { reachable, away };
  }

  /** The names of all cells; undefined: the default cell. */
  get names(): readonly (string | undefined)[] {
    return [undefined, ...this.#others.keys()];
  }

  /** That of the cell of a tenant. @throws UNAVAILABLE when this process cannot work there */
  async of(slug: string): Promise<OperatorConnection> {
    return this.#others.size === 0 ? this.home : this.named(await cellOfSlug(this.home, slug));
  }

  /** The same, by the tenant's id. */
  async ofTenant(id: string): Promise<OperatorConnection> {
    return this.#others.size === 0 ? this.home : this.named(await cellOfTenant(this.home, id));
  }

  /** @param name undefined: the default cell */
  named(name: string | undefined): OperatorConnection {
    const connection = name === undefined ? this.home : this.#others.get(name);
    if (connection) return connection;
    throw notKnownHere(String(name));
  }
}

/** The error for a cell whose URL for operators this process does not have. */
export const notKnownHere = (name: string): PublicError =>
  new PublicError(
    'UNAVAILABLE',
    `Operators cannot work on the cell ${name} here: its CELL_…_OPERATOR_URL is missing.`,
  );

/**
 * The names of the cells that a cell knows; only the default one knows any.
 *
 * @throws UNAVAILABLE when another one lacks migrations
 */
async function cellsKnownTo({ query }: ReadsCell, isHome: boolean): Promise<readonly string[]> {
  const [row] = await query<{ has_all: boolean; cells: string[] }>(
    `SELECT EXISTS (
       SELECT FROM public._prisma_migrations m
       WHERE m.migration_name = $1 AND m.finished_at IS NOT NULL AND m.rolled_back_at IS NULL
     ) AS has_all, ARRAY(SELECT c.name FROM tenantry.cells c ORDER BY c.name) AS cells`,
    [newestMigration()],
  );
  if (isHome || row!.has_all) return row!.cells;
  throw new PublicError('UNAVAILABLE', 'The database of this cell lacks migrations.');
}

const within = <Result>(milliseconds: number, work: Promise<Result>): Promise<Result> =>
  Deadline.after(milliseconds, 0, unavailable).race(work);

/** The name of the cell of the tenant with a slug; undefined for the default one, and when there is no such tenant. */
export const cellOfSlug = (
  home: Pick<OperatorConnection, 'query'>,
  slug: string,
): Promise<string | undefined> => cellWhere(home, 'd.slug = $1', slug);

/** The same, by the tenant's id. */
export const cellOfTenant = (
  home: Pick<OperatorConnection, 'query'>,
  id: string,
): Promise<string | undefined> => cellWhere(home, 'd.subject = $1', id);

async function cellWhere(
  { query }: Pick<OperatorConnection, 'query'>,
  condition: string,
  value: string,
): Promise<string | undefined> {
  const [row] = await query<{ cell: string }>(`SELECT d.cell FROM tenantry.directory d WHERE ${condition}`, [
    value,
  ]);
  return row?.cell;
}

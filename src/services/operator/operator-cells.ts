/** The connections of one operator to all cells, and which of them has a tenant. */
import { PublicError } from '../../kernel/vocabulary/errors.js';
import type { OperatorConnection } from './operator-connection.js';

export class OperatorCells {
  /** The default cell, which has the directory. */
  readonly home: OperatorConnection;
  readonly #others: ReadonlyMap<string, OperatorConnection>;

  /** @param others the other cells that this process can work on, by their names */
  constructor(home: OperatorConnection, others: ReadonlyMap<string, OperatorConnection>) {
    this.home = home;
    this.#others = others;
  }

  /** All of them, the default cell first. */
  get all(): readonly OperatorConnection[] {
    return [this.home, ...this.#others.values()];
  }

  /** Their names; undefined: the default cell. */
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
    throw new PublicError(
      'UNAVAILABLE',
      `Operators cannot work on the cell ${String(name)} here: its CELL_…_OPERATOR_URL is missing.`,
    );
  }
}

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

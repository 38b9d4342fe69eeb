/** The new keys of a table, which begin with the tenant, because PostgreSQL checks keys without row-level security. */
import type { ForeignKey, Table, UniqueKey } from './catalog.js';
import { columnList, inPublic, prismaName, quoted, temporaryName } from './sql.js';

/** Whether a unique key begins with the tenant, as `tenantry.protect` requires. */
export const isScoped = (key: UniqueKey): boolean => key.columns[0] === 'tenant_id';

/** Whether both sides of a foreign key have the tenant. */
export const pairsTenants = ({ columns, referencedColumns }: ForeignKey): boolean =>
  columns.some((column, index) => column === 'tenant_id' && referencedColumns[index] === 'tenant_id');

/** The unique keys of a table that must be replaced. */
export const replacedKeys = ({ uniqueKeys }: Table): UniqueKey[] =>
  uniqueKeys.filter((key) => !isScoped(key));

/** Whether a Prisma model can express the key: columns, without expressions or a condition. */
export const isPlain = ({ columns, definition }: UniqueKey): boolean =>
  !columns.includes(null) && !definition.includes(' WHERE ');

/** The name of the index that replaces a unique key. The primary key's gets the old name at the end. */
export function scopedIndex(table: Table, key: UniqueKey): string {
  if (key.primary) return temporaryName(key.index);
  const columns = key.columns.join();
  const namesake = replacedKeys(table).find(
    (other) => !other.primary && isPlain(other) && other.columns.join() === columns,
  );
  return isPlain(key) && namesake === key
    ? prismaName(table.name, ['tenant_id', ...key.columns.flatMap((column) => column ?? [])], 'key')
    : `tenant_${key.index}`.slice(0, 63);
}

/**
 * Builds the index that replaces a unique key, with its expressions, condition and orders. It must be the only
 * statement of its migration, because CONCURRENTLY is refused in a transaction.
 */
export function createScopedIndex(table: Table, key: UniqueKey): string {
  const definition = key.definition.slice(key.definition.indexOf(' USING btree ('));
  return (
    `CREATE UNIQUE INDEX CONCURRENTLY ${quoted(scopedIndex(table, key))} ON ${inPublic(table.name)}` +
    `${definition.replace(' USING btree (', ' USING btree (tenant_id, ')};`
  );
}

/** The foreign key that replaces one, with Prisma's name for it. */
export function scopedForeignKey(key: ForeignKey): ForeignKey {
  const columns = ['tenant_id', ...key.columns];
  return {
    ...key,
    columns,
    referencedColumns: ['tenant_id', ...key.referencedColumns],
    name: prismaName(key.table, columns, 'fkey'),
  };
}

/** Adds a foreign key that is checked for new rows only, until it is validated. */
export function addForeignKey(key: ForeignKey): string {
  return (
    `ALTER TABLE ${inPublic(key.table)} ADD CONSTRAINT ${quoted(key.name)} FOREIGN KEY (${columnList(key.columns)}) ` +
    `REFERENCES ${inPublic(key.references)} (${columnList(key.referencedColumns)}) ${key.actions}${key.deferral} NOT VALID`
  );
}

/**
 * Locks both tables of a foreign key, the referenced one first: most transactions use this order, and the opposite
 * order could deadlock.
 */
export const lockEnds = ({ table, references }: ForeignKey, mode: string): string =>
  `LOCK TABLE ${[...new Set([references, table])].map(inPublic).join(', ')} IN ${mode} MODE`;

/** The statement without a semicolon; it does nothing when there is no such constraint. */
export const dropConstraint = (table: string, constraint: string): string =>
  `ALTER TABLE ${inPublic(table)} DROP CONSTRAINT IF EXISTS ${quoted(constraint)}`;

/** The foreign keys that must be replaced: between tenant tables, without pairing the tenants. */
export function replacedForeignKeys(
  tables: readonly Table[],
  neighbours: ReadonlyMap<string, Table>,
): ForeignKey[] {
  const scoped = new Set([
    ...tables.map(({ name }) => name),
    ...[...neighbours.values()].filter((table) => table.scoped).map(({ name }) => name),
  ]);
  const all = tables.flatMap(({ foreignKeys, references }) => [...foreignKeys, ...references]);
  const unpaired = all.filter(
    (key) => scoped.has(key.table) && scoped.has(key.references) && !pairsTenants(key),
  );
  // A key between two of the tables is found in both tables.
  return [...new Map(unpaired.map((key) => [`${key.table} ${key.name}`, key])).values()];
}

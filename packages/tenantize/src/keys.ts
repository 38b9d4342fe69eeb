/** What a table's keys become: the same with the tenant in front. PostgreSQL checks keys without row-level security. */
import type { ForeignKey, Table, UniqueKey } from './catalog.js';
import { columnList, inPublic, prismaName, quoted, temporaryName } from './sql.js';

/** Whether a unique key leads with the tenant, as `tenantry.protect` demands. */
export const isScoped = (key: UniqueKey): boolean => key.columns[0] === 'tenant_id';

/** Whether both ends of a foreign key carry the tenant. */
export const pairsTenants = ({ columns, referencedColumns }: ForeignKey): boolean =>
  columns.some((column, index) => column === 'tenant_id' && referencedColumns[index] === 'tenant_id');

/** The unique keys of a table that are to be replaced. */
export const replacedKeys = ({ uniqueKeys }: Table): UniqueKey[] =>
  uniqueKeys.filter((key) => !isScoped(key));

/** Whether Prisma can say what the key is: columns, without expressions or a condition. */
export const isPlain = ({ columns, definition }: UniqueKey): boolean =>
  !columns.includes(null) && !definition.includes(' WHERE ');

/** The name of the index that replaces a unique key. That of the primary key takes the old name in the end. */
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
 * Builds the index that replaces a unique key, with all that distinguishes it (expressions, a condition, orders).
 * The only statement of its migration: CONCURRENTLY is refused inside a transaction.
 */
export function createScopedIndex(table: Table, key: UniqueKey): string {
  const definition = key.definition.slice(key.definition.indexOf(' USING btree ('));
  return (
    `CREATE UNIQUE INDEX CONCURRENTLY ${quoted(scopedIndex(table, key))} ON ${inPublic(table.name)}` +
    `${definition.replace(' USING btree (', ' USING btree (tenant_id, ')};`
  );
}

/** The foreign key that replaces one; it has the name that Prisma would give it. */
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
 * Takes both ends of a foreign key, the one pointed at first: that is the order in which most transactions come by, and
 * whoever goes the other way waits for those who wait for it.
 */
export const lockEnds = ({ table, references }: ForeignKey, mode: string): string =>
  `LOCK TABLE ${[...new Set([references, table])].map(inPublic).join(', ')} IN ${mode} MODE`;

/** The statement without a semicolon; it does nothing when there is no such constraint. */
export const dropConstraint = (table: string, constraint: string): string =>
  `ALTER TABLE ${inPublic(table)} DROP CONSTRAINT IF EXISTS ${quoted(constraint)}`;

/** The foreign keys that are to be replaced: between tables that have tenants, without pairing them. */
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
  // A key between two of the tables is found at both of its ends.
  return [...new Map(unpaired.map((key) => [`${key.table} ${key.name}`, key])).values()];
}

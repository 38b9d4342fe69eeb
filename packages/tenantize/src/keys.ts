/** The new keys of a table, which begin with the tenant, because PostgreSQL checks keys without row-level security. */
import { INDEX_TAIL, type ForeignKey, type Table, type UniqueKey } from './catalog.js';
import { columnList, fitted, inPublic, literal, prismaName, quoted, temporaryName } from './sql.js';

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

/** The definition of the index that replaces a unique key: its expressions, condition and orders, after the tenant. */
export const scopedDefinition = ({ definition }: UniqueKey): string =>
  definition.replace('USING btree (', 'USING btree (tenant_id, ');

/**
 * What replaces each of the table's keys, found by its definition: a name may be cut, or taken by another object.
 * Undefined for a key without a valid counterpart.
 */
export function counterparts(table: Table): Map<UniqueKey, UniqueKey | undefined> {
  const free = new Set(table.uniqueKeys.filter((key) => isScoped(key) && key.valid));
  return new Map(
    replacedKeys(table).map((key) => {
      const alike = [...free].filter(
        (other) => other.definition === scopedDefinition(key) && other.deferral === key.deferral,
      );
      // Two keys may be defined alike.
      const found = alike.find(({ index }) => index === preferredName(table, key)) ?? alike[0];
      if (found !== undefined) free.delete(found);
      return [key, found];
    }),
  );
}

/** The names of the objects that a conversion makes; none of them exists before. */
export interface Names {
  readonly indexes: ReadonlyMap<UniqueKey, string>;
  readonly foreignKeys: ReadonlyMap<ForeignKey, string>;
  /** The foreign keys to the table of tenants. */
  readonly tenants: ReadonlyMap<Table, string>;
}

/**
 * Chooses the names.
 *
 * @param taken what relations and constraints are called already
 */
export function namesFor(
  tables: readonly Table[],
  foreignKeys: readonly ForeignKey[],
  taken: ReadonlySet<string>,
): Names {
  const used = new Set(taken);
  const choose = (preferred: string): string => {
    let name = preferred;
    for (let turn = 2; used.has(name); turn += 1) name = fitted(preferred, `_${String(turn)}`);
    used.add(name);
    return name;
  };
  return {
    tenants: new Map(tables.map((table) => [table, choose(prismaName(table.name, ['tenant_id'], 'fkey'))])),
    indexes: new Map(
      tables.flatMap((table) =>
        replacedKeys(table).map((key) => [key, choose(preferredName(table, key))] as const),
      ),
    ),
    foreignKeys: new Map(
      foreignKeys.map((key) => [key, choose(prismaName(key.table, ['tenant_id', ...key.columns], 'fkey'))]),
    ),
  };
}

/** The primary key's index gets the old name at the end. */
function preferredName(table: Table, key: UniqueKey): string {
  if (key.primary) return temporaryName(key.index);
  const columns = key.columns.join();
  const namesake = replacedKeys(table).find(
    (other) => !other.primary && isPlain(other) && other.columns.join() === columns,
  );
  return isPlain(key) && namesake === key
    ? prismaName(table.name, ['tenant_id', ...key.columns.flatMap((column) => column ?? [])], 'key')
    : fitted(`tenant_${key.index}`);
}

/**
 * Builds the index that replaces a unique key. It must be the only statement of its migration, because CONCURRENTLY is
 * refused in a transaction.
 */
export const createScopedIndex = (table: Table, key: UniqueKey, name: string): string =>
  `CREATE UNIQUE INDEX CONCURRENTLY ${quoted(name)} ON ${inPublic(table.name)} ${scopedDefinition(key)};`;

/** Adds the constraint that replaces a deferrable one; its index would refuse at once what the constraint accepts. */
export function addScopedConstraint(table: Table, key: UniqueKey, name: string): string {
  const columns = columnList(['tenant_id', ...key.columns.flatMap((column) => column ?? [])]);
  const nulls = key.definition.includes(' NULLS NOT DISTINCT') ? ' NULLS NOT DISTINCT' : '';
  const included = / INCLUDE \(.*\)/.exec(key.definition)?.[0].replace(' NULLS NOT DISTINCT', '') ?? '';
  return `ALTER TABLE ${inPublic(table.name)} ADD CONSTRAINT ${quoted(name)} UNIQUE${nulls} (${columns})${included}${key.deferral}`;
}

const INDEXES = `pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid`;

/** Drops the index or constraint that replaces a key, complete or not, and never another object of this name. */
export function dropScopedIndex(table: Table, key: UniqueKey, name: string): string {
  const drop =
    key.deferral === ''
      ? `DROP INDEX ${inPublic(name)}`
      : `ALTER TABLE ${inPublic(table.name)} DROP CONSTRAINT ${quoted(name)}`;
  return `DO $drop$
  BEGIN
    IF EXISTS (
      SELECT FROM ${INDEXES}
      WHERE x.indrelid = ${literal(inPublic(table.name))}::regclass AND i.relname = ${literal(name)}
        AND ${INDEX_TAIL('i', 't')} = ${literal(scopedDefinition(key))}
    ) THEN
      EXECUTE ${literal(drop)};
    END IF;
  END
  $drop$`;
}

/** Fails unless each of the replaced keys has a counterpart that is unique, valid, and defined alike. */
export function demandCounterparts(table: Table): string {
  const wanted = replacedKeys(table).map((key) => literal(scopedDefinition(key)));
  return `DO $keys$
  DECLARE
    wanted text;
  BEGIN
    FOREACH wanted IN ARRAY ARRAY[${wanted.join(', ')}]::text[] LOOP
      IF NOT EXISTS (
        SELECT FROM ${INDEXES}
        WHERE x.indrelid = ${literal(inPublic(table.name))}::regclass AND x.indisunique AND x.indisvalid
          AND ${INDEX_TAIL('i', 't')} = wanted
      ) THEN
        RAISE EXCEPTION 'a key of % would be lost: there is no valid unique index %', ${literal(table.name)}, wanted;
      END IF;
    END LOOP;
  END
  $keys$`;
}

/** The foreign key that replaces one. */
export const scopedForeignKey = (key: ForeignKey, name: string): ForeignKey => ({
  ...key,
  columns: ['tenant_id', ...key.columns],
  referencedColumns: ['tenant_id', ...key.referencedColumns],
  name,
});

/** Whether two foreign keys of one table say the same, whatever their names. */
export const isSameForeignKey = (one: ForeignKey, other: ForeignKey): boolean =>
  definitionOf(one) === definitionOf(other);

const definitionOf = (key: ForeignKey): string =>
  JSON.stringify([key.table, key.columns, key.references, key.referencedColumns, key.actions, key.deferral]);

/** Adds a foreign key that is checked for new rows only, until it is validated. */
export function addForeignKey(key: ForeignKey): string {
  return (
    `ALTER TABLE ${inPublic(key.table)} ADD CONSTRAINT ${quoted(key.name)} FOREIGN KEY (${columnList(key.columns)}) ` +
    `REFERENCES ${inPublic(key.references)} (${columnList(key.referencedColumns)}) ${key.actions}${key.deferral} NOT VALID`
  );
}

/** Drops a foreign key that carries the tenant, and never another constraint of this name. */
export const dropScopedForeignKey = (table: string, name: string): string => `DO $drop$
  BEGIN
    IF EXISTS (
      SELECT FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
      WHERE c.conrelid = ${literal(inPublic(table))}::regclass AND c.contype = 'f' AND c.conname = ${literal(name)}
        AND a.attname = 'tenant_id'
    ) THEN
      ${dropConstraint(table, name)};
    END IF;
  END
  $drop$`;

/** Fails unless a foreign key with the tenant is there, and valid. */
export function demandForeignKey({ table, columns, references, referencedColumns }: ForeignKey): string {
  const names = (relation: string, key: string): string =>
    `ARRAY(SELECT a.attname::text FROM unnest(c.${key}) WITH ORDINALITY AS k (num, n)
          JOIN pg_attribute a ON a.attrelid = c.${relation} AND a.attnum = k.num ORDER BY k.n)`;
  const list = (values: readonly string[]): string => `ARRAY[${values.map(literal).join(', ')}]`;
  return `DO $key$
  BEGIN
    IF NOT EXISTS (
      SELECT FROM pg_constraint c
      WHERE c.conrelid = ${literal(inPublic(table))}::regclass AND c.confrelid = ${literal(inPublic(references))}::regclass
        AND c.contype = 'f' AND c.convalidated
        AND ${names('conrelid', 'conkey')} = ${list(columns)} AND ${names('confrelid', 'confkey')} = ${list(referencedColumns)}
    ) THEN
      RAISE EXCEPTION 'a foreign key of % would be lost: there is no valid one from (%) to %',
        ${literal(table)}, ${literal(columns.join(', '))}, ${literal(references)};
    END IF;
  END
  $key$`;
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
  return [...new Map(unpaired.map((key) => [JSON.stringify([key.table, key.name]), key])).values()];
}

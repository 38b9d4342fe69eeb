/**
 * Reads the catalog of the connected database, once, with one query per kind of object.
 *
 * Guarantees: it only reads, and pg_catalog alone, so that any role that can connect will do; names in expressions are
 * qualified whatever the session's search_path is. Call it inside a transaction: all queries see one state.
 */
import type pg from 'pg';
import type {
  Catalog,
  Column,
  DatabaseEntry,
  DatabaseFunction,
  DefaultPrivilege,
  ForeignKey,
  Grant,
  Index,
  Policy,
  PublishedTable,
  Relation,
  Role,
  RoleSetting,
  Schema,
  Server,
  Trigger,
} from './catalog.js';
import * as queries from './catalog-queries.js';

/** A part of a relation, with the relation's oid. */
type Of<Part> = Part & { readonly of: number };
type ColumnRow = Of<Column> & { readonly grants: readonly Grant[] };
type BareRelation = Omit<Relation, 'columns' | 'policies' | 'indexes' | 'foreignKeys' | 'triggers'>;

export async function readCatalog(client: pg.ClientBase): Promise<Catalog> {
  const read = async <Row>(sql: string): Promise<readonly Row[]> =>
    (await client.query<object>(sql)).rows.map((row) => withoutNulls(row) as Row);

  // Compiling these queries takes longer than running them.
  await client.query("SET LOCAL search_path = 'pg_catalog'; SET LOCAL jit = off");
  const [server] = await read<Server>(queries.SERVER);
  if (!server) throw new Error('the session has no role');
  const relations = await read<BareRelation>(queries.RELATIONS);
  const columns = byRelation(await read<ColumnRow>(queries.COLUMNS));
  const policies = byRelation(await read<Of<Policy>>(queries.POLICIES));
  const indexes = byRelation(await read<Of<Index>>(queries.INDEXES));
  const foreignKeys = byRelation(await read<Of<ForeignKey>>(queries.FOREIGN_KEYS));
  const triggers = byRelation(await read<Of<Trigger>>(queries.TRIGGERS));
  return {
    server,
    roles: await read<Role>(queries.ROLES),
    schemas: await read<Schema>(queries.SCHEMAS),
    relations: relations.map((relation) => {
      const own = columns.get(relation.oid) ?? [];
      return {
        ...relation,
        grants: [...relation.grants, ...own.flatMap((column) => column.grants)],
        columns: own,
        policies: policies.get(relation.oid) ?? [],
        indexes: indexes.get(relation.oid) ?? [],
        foreignKeys: foreignKeys.get(relation.oid) ?? [],
        triggers: triggers.get(relation.oid) ?? [],
      };
    }),
    functions: await read<DatabaseFunction>(queries.FUNCTIONS),
    databases: await read<DatabaseEntry>(queries.DATABASES),
    roleSettings: await read<RoleSetting>(queries.ROLE_SETTINGS),
    defaultPrivileges: await read<DefaultPrivilege>(queries.DEFAULT_PRIVILEGES),
    publications: await read<PublishedTable>(queries.PUBLICATIONS),
  };
}

/** SQL's NULL is JavaScript's undefined here. */
function withoutNulls(row: object): object {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]: [string, unknown]) => [name, defined(value)]),
  );
}

function defined(value: unknown): unknown {
  if (!Array.isArray(value)) return value ?? undefined;
  return value.map((item: unknown) => item ?? undefined);
}

function byRelation<Part extends { readonly of: number }>(parts: readonly Part[]): Map<number, Part[]> {
  const groups = new Map<number, Part[]>();
  for (const part of parts) {
    const group = groups.get(part.of);
    if (group) group.push(part);
    else groups.set(part.of, [part]);
  }
  return groups;
}

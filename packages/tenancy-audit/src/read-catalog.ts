/**
 * Reads the catalog of the connected database in one query.
 *
 * Guarantees: it only reads pg_catalog, so any role that can connect is sufficient; names in expressions are qualified,
 * regardless of the session's search_path. Call it inside a transaction.
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

/** The rows of all queries. */
interface Answers {
  readonly server: readonly Server[];
  readonly roles: readonly Role[];
  readonly schemas: readonly Schema[];
  readonly relations: readonly BareRelation[];
  readonly columns: readonly ColumnRow[];
  readonly policies: readonly Of<Policy>[];
  readonly indexes: readonly Of<Index>[];
  readonly foreignKeys: readonly Of<ForeignKey>[];
  readonly triggers: readonly Of<Trigger>[];
  readonly functions: readonly DatabaseFunction[];
  readonly databases: readonly DatabaseEntry[];
  readonly roleSettings: readonly RoleSetting[];
  readonly defaultPrivileges: readonly DefaultPrivilege[];
  readonly publications: readonly PublishedTable[];
}

const QUERIES: Readonly<Record<keyof Answers, string>> = {
  server: queries.SERVER,
  roles: queries.ROLES,
  schemas: queries.SCHEMAS,
  relations: queries.RELATIONS,
  columns: queries.COLUMNS,
  policies: queries.POLICIES,
  indexes: queries.INDEXES,
  foreignKeys: queries.FOREIGN_KEYS,
  triggers: queries.TRIGGERS,
  functions: queries.FUNCTIONS,
  databases: queries.DATABASES,
  roleSettings: queries.ROLE_SETTINGS,
  defaultPrivileges: queries.DEFAULT_PRIVILEGES,
  publications: queries.PUBLICATIONS,
};

const ALL = `SELECT json_build_object(${Object.entries(QUERIES)
  .map(([name, sql]) => `'${name}', (SELECT coalesce(json_agg(to_json(found)), '[]') FROM (${sql}) AS found)`)
  .join(',\n')})::text AS answers`;

/** Reads the catalog in the transaction that is open on the client, and changes settings of that transaction only. */
export async function readCatalog(client: pg.ClientBase): Promise<Catalog> {
  // Compiling the query takes longer than running it.
  await client.query("SET LOCAL search_path = 'pg_catalog'; SET LOCAL jit = off");
  const { rows } = await client.query<{ answers: string }>(ALL);
  // SQL's NULL becomes undefined.
  const answers = JSON.parse(rows[0]!.answers, (_, value: unknown) => value ?? undefined) as Answers;
  const { server, relations, columns, policies, indexes, foreignKeys, triggers, ...rest } = answers;
  const parts = {
    columns: byRelation(columns),
    policies: byRelation(policies),
    // An expression has no column, but NULL, which pg's parser omits from its array.
    indexes: byRelation(indexes.map((index) => ({ ...index, columns: [...index.columns] }))),
    foreignKeys: byRelation(foreignKeys),
    triggers: byRelation(triggers),
  };
  return {
    ...rest,
    server: server[0]!,
    relations: relations.map((relation) => {
      const own = parts.columns.get(relation.oid) ?? [];
      return {
        ...relation,
        grants: [...relation.grants, ...own.flatMap((column) => column.grants)],
        columns: own,
        policies: parts.policies.get(relation.oid) ?? [],
        indexes: parts.indexes.get(relation.oid) ?? [],
        foreignKeys: parts.foreignKeys.get(relation.oid) ?? [],
        triggers: parts.triggers.get(relation.oid) ?? [],
      };
    }),
  };
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

/** Which tables hold what belongs to a tenant: the questions that most rules begin with. */
import type { Catalog, Column, Relation } from './catalog.js';
import type { AuditSettings } from './rule.js';
import { everyObject, isObject } from './sql-parse.js';

/** A table whose rows belong to a tenant each, and the column that says to which. */
export interface TenantTable {
  readonly table: Relation;
  readonly column: Column;
  /** It is the table of the tenants, whose key is the tenant. */
  readonly isRegistry: boolean;
}

const namesByCatalog = new WeakMap<Catalog, Map<string, readonly Relation[]>>();
const relationsByCatalog = new WeakMap<Catalog, ReadonlyMap<number, Relation>>();

/** @returns undefined for what is not in the catalog, such as a table of PostgreSQL's own */
export function findRelation(catalog: Catalog, oid: number): Relation | undefined {
  let relations = relationsByCatalog.get(catalog);
  if (!relations) {
    relations = new Map(catalog.relations.map((relation) => [relation.oid, relation]));
    relationsByCatalog.set(catalog, relations);
  }
  return relations.get(oid);
}

/** The relations of a name, in that schema if one is named. */
export function relationsNamed(catalog: Catalog, name: string, schema?: string): readonly Relation[] {
  let names = namesByCatalog.get(catalog);
  if (!names) {
    names = new Map();
    for (const each of catalog.relations) names.set(each.name, [...(names.get(each.name) ?? []), each]);
    namesByCatalog.set(catalog, names);
  }
  const found = names.get(name) ?? [];
  return schema === undefined ? found : found.filter((each) => each.schema === schema);
}

/** The relations that a piece of parsed SQL names in FROM, wherever in it. */
export function relationsIn(catalog: Catalog, tree: unknown): readonly Relation[] {
  const found: Relation[] = [];
  everyObject(tree, ({ RangeVar: range }) => {
    if (!isObject(range) || typeof range['relname'] !== 'string') return;
    const schema = typeof range['schemaname'] === 'string' ? range['schemaname'] : undefined;
    found.push(...relationsNamed(catalog, range['relname'], schema));
  });
  return found;
}

/** Whether the audit looks at it: in an audited schema, and no extension's own. */
export function isAudited(relation: Relation, settings: AuditSettings): boolean {
  return relation.extension === undefined && settings.schemas.includes(relation.schema);
}

/** Whether a relation holds rows itself or in its partitions. */
export function isTable(relation: Relation): boolean {
  return relation.kind === 'table' || relation.kind === 'partitioned table';
}

/** The column that says whose a row of this relation is; in the table of the tenants, its key. */
export function tenantColumnOf(relation: Relation, settings: AuditSettings): Column | undefined {
  if (isRegistry(relation, settings)) {
    const key = relation.indexes.find((index) => index.primary)?.columns;
    return key?.length === 1 ? relation.columns.find((column) => column.name === key[0]) : undefined;
  }
  if (settings.memberTables.includes(relation.qualified)) return undefined;
  for (const name of settings.tenantColumns) {
    const column = relation.columns.find((each) => each.name === name);
    if (column) return column;
  }
  return undefined;
}

/** Whether a relation is the table of the tenants themselves. */
export function isRegistry(relation: Relation, settings: AuditSettings): boolean {
  return relation.qualified === settings.tenantsTable;
}

/** The audited tables that hold tenants' rows, partitions and the table of the tenants included. */
export function tenantTables(catalog: Catalog, settings: AuditSettings): readonly TenantTable[] {
  return catalog.relations.flatMap((table) => {
    if (!isTable(table) || !isAudited(table, settings) || isShared(table, settings)) return [];
    const column = tenantColumnOf(table, settings);
    return column ? [{ table, column, isRegistry: isRegistry(table, settings) }] : [];
  });
}

/** Declared to be meant for all tenants: by option, or by a line `@tenancy shared: <reason>` in its comment. */
export function isShared(relation: Relation, settings: AuditSettings): boolean {
  return (
    settings.sharedTables.some((name) => name === relation.name || name === relation.qualified) ||
    declaration(relation.comment, 'shared') !== undefined
  );
}

/**
 * The reason that a comment in the database gives for an exception: `@tenancy shared: reason` on a table,
 * `@tenancy audited: reason` on a function or a view. Without a reason it is none.
 */
export function declaration(comment: string | undefined, kind: 'shared' | 'audited'): string | undefined {
  return new RegExp(`^\\s*@tenancy ${kind}:[ \\t]*(\\S.*)$`, 'm').exec(comment ?? '')?.[1];
}

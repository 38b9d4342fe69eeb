/** Determines which tables have tenants' rows, for most rules. */
import type { Catalog, Column, Relation } from './catalog.js';
import type { AuditSettings } from './rule.js';
import { everyObject, isObject } from './sql-parse.js';

/** A table whose rows each belong to a tenant, and its tenant column. */
export interface TenantTable {
  readonly table: Relation;
  readonly column: Column;
  /** It is the table of the tenants, whose tenant column is its key. */
  readonly isRegistry: boolean;
}

const namesByCatalog = new WeakMap<Catalog, Map<string, readonly Relation[]>>();
const relationsByCatalog = new WeakMap<Catalog, ReadonlyMap<number, Relation>>();

/** @returns undefined for a relation that is not in the catalog, such as PostgreSQL's own tables */
export function findRelation(catalog: Catalog, oid: number): Relation | undefined {
  let relations = relationsByCatalog.get(catalog);
  if (!relations) {
    relations = new Map(catalog.relations.map((relation) => [relation.oid, relation]));
    relationsByCatalog.set(catalog, relations);
  }
  return relations.get(oid);
}

/** The relations of this name, in the given schema if there is one. */
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

/** All relations in FROM clauses of parsed SQL. */
export function relationsIn(catalog: Catalog, tree: unknown): readonly Relation[] {
  const found: Relation[] = [];
  everyObject(tree, ({ RangeVar: range }) => {
    if (!isObject(range) || typeof range['relname'] !== 'string') return;
    const schema = typeof range['schemaname'] === 'string' ? range['schemaname'] : undefined;
    found.push(...relationsNamed(catalog, range['relname'], schema));
  });
  return found;
}

/** Whether it is audited: in an audited schema, and not of an extension. */
export function isAudited(relation: Relation, settings: AuditSettings): boolean {
  return relation.extension === undefined && settings.schemas.includes(relation.schema);
}

/** Whether a relation holds rows itself or in its partitions. */
export function isTable(relation: Relation): boolean {
  return relation.kind === 'table' || relation.kind === 'partitioned table';
}

const columnsBySettings = new WeakMap<AuditSettings, Map<Relation, Column | undefined>>();

/** The tenant column of this relation; in the table of the tenants, its key. */
export function tenantColumnOf(relation: Relation, settings: AuditSettings): Column | undefined {
  const known = columnsBySettings.get(settings) ?? new Map<Relation, Column | undefined>();
  columnsBySettings.set(settings, known);
  if (!known.has(relation)) known.set(relation, findTenantColumn(relation, settings));
  return known.get(relation);
}

function findTenantColumn(relation: Relation, settings: AuditSettings): Column | undefined {
  if (isRegistry(relation, settings)) {
    const key = relation.indexes.find((index) => index.primary)?.columns;
    return key?.length === 1 ? relation.columns.find((column) => column.name === key[0]) : undefined;
  }
  if (settings.memberTables.includes(relation.qualified)) return undefined;
  for (const name of settings.tenantColumns) {
    const column =
      relation.columns.find((each) => each.name === name) ??
      relation.columns.find((each) => plainName(each.name) === plainName(name));
    if (column) return column;
  }
  const other = settings.otherColumns[relation.qualified];
  return other === undefined ? undefined : relation.columns.find((each) => each.name === other);
}

/** `tenant_id`, `tenantId` and `TENANT_ID` are one name. */
export function plainName(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}

/** Whether a relation is the table of the tenants themselves. */
export function isRegistry(relation: Relation, settings: AuditSettings): boolean {
  return relation.qualified === settings.tenantsTable;
}

const tablesBySettings = new WeakMap<AuditSettings, { catalog: Catalog; tables: readonly TenantTable[] }>();

/** The audited tables with tenants' rows, including partitions and the table of the tenants. */
export function tenantTables(catalog: Catalog, settings: AuditSettings): readonly TenantTable[] {
  const known = tablesBySettings.get(settings);
  if (known?.catalog === catalog) return known.tables;
  const tables = catalog.relations.flatMap((table) => {
    if (!isTable(table) || !isAudited(table, settings) || isShared(table, settings)) return [];
    const column = tenantColumnOf(table, settings);
    return column ? [{ table, column, isRegistry: isRegistry(table, settings) }] : [];
  });
  tablesBySettings.set(settings, { catalog, tables });
  return tables;
}

/** Declared as shared by all tenants: by option, or by a line `@tenancy shared: <reason>` in its comment. */
export function isShared(relation: Relation, settings: AuditSettings): boolean {
  return (
    settings.sharedTables.some((name) => name === relation.name || name === relation.qualified) ||
    declaration(relation.comment, 'shared') !== undefined
  );
}

/**
 * The reason of an exception in a comment of the database: `@tenancy shared: reason` on a table, `@tenancy audited:
 * reason` on a function or a view. Without a reason there is no exception.
 */
export function declaration(comment: string | undefined, kind: 'shared' | 'audited'): string | undefined {
  return new RegExp(`^\\s*@tenancy ${kind}:[ \\t]*(\\S.*)$`, 'm').exec(comment ?? '')?.[1];
}

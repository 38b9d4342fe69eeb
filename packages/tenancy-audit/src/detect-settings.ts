/**
 * Detects how a database separates its tenants: the tenant column, the table of the tenants, the settings with the
 * tenant, the roles of the application.
 *
 * Guarantees: given values are used unchanged; detected values are reported, with the reason.
 */
import type { Catalog, Relation } from './catalog.js';
import { contextSettings } from './context.js';
import { findOtherColumns, findTenantColumn } from './detect-columns.js';
import { findAppRoles } from './detect-roles.js';
import type { Detection, Found } from './detection.js';
import { tablesOfMembers } from './membership.js';
import { findRole } from './privileges.js';
import type { AuditSettings } from './rule.js';
import { isTable, plainName } from './tenancy.js';

/** The values given by the caller. */
export interface GivenSettings {
  readonly tenantColumns?: readonly string[] | undefined;
  readonly tenantsTable?: string | undefined;
  readonly tenantSettings?: readonly string[] | undefined;
  readonly appRoles?: readonly string[] | undefined;
  readonly schemas?: readonly string[] | undefined;
  readonly sharedTables?: readonly string[] | undefined;
}

/** Schemas of hosting platforms, which users cannot fix. */
const PLATFORM_SCHEMAS = new Set([
  '_analytics',
  '_realtime',
  'auth',
  'cron',
  'extensions',
  'graphql',
  'graphql_public',
  'net',
  'pgbouncer',
  'pgsodium',
  'pgsodium_masks',
  'pgtle',
  'realtime',
  'storage',
  'supabase_functions',
  'supabase_migrations',
  'timescaledb_information',
  'vault',
]);

/** @throws UnknownRoleError when a given role does not exist */
export function detectSettings(
  catalog: Catalog,
  given: GivenSettings,
): { readonly settings: AuditSettings; readonly detections: readonly Detection[] } {
  const detections: Detection[] = [];
  const say = <Value>(what: string, found: Found<Value>): Value => {
    detections.push({ what, value: shown(found.value), why: found.why });
    return found.value;
  };
  const schemas = given.schemas ?? say('schemas', findSchemas(catalog));
  const tables = catalog.relations.filter(
    (relation) => isTable(relation) && schemas.includes(relation.schema) && relation.extension === undefined,
  );
  const tenantColumns = given.tenantColumns ?? say('tenant column', findTenantColumn(tables));
  const tenantsTable =
    given.tenantsTable === undefined
      ? say('table of the tenants', findTenantsTable(catalog, tables, tenantColumns))
      : qualify(tables, given.tenantsTable);
  const tenantSettings = given.tenantSettings ?? say('tenant setting', findTenantSettings(catalog, tables));
  const members = tablesOfMembers(tables, tenantColumns)
    .map(({ qualified }) => qualified)
    .filter((name) => name !== tenantsTable);
  if (members.length > 0) {
    say('members', {
      value: members,
      why: 'a membership table ties them to the tenants, to several perhaps',
    });
  }
  const otherColumns = findOtherColumns(catalog, tables, tenantColumns, tenantsTable, members);
  const others = Object.entries(otherColumns).map(([table, column]) => `${table}.${column}`);
  if (others.length > 0) {
    say('tenant columns of other names', {
      value: others,
      why: `they reference ${tenantsTable ?? 'the table of the tenants'}`,
    });
  }
  const names = new Set(tenantColumns.map(plainName));
  const tenantTables = tables.filter(
    (table) =>
      table.qualified === tenantsTable ||
      table.qualified in otherColumns ||
      table.columns.some((column) => names.has(plainName(column.name))),
  );
  const appRoles = given.appRoles ?? say('application role', findAppRoles(catalog, tenantTables));
  for (const role of appRoles) {
    if (!findRole(catalog, role)) throw new UnknownRoleError(role);
  }
  return {
    settings: {
      tenantColumns,
      otherColumns,
      tenantsTable,
      memberTables: members,
      tenantSettings,
      appRoles,
      schemas,
      sharedTables: given.sharedTables ?? [],
    },
    detections,
  };
}

/** A given role does not exist on the server. */
export class UnknownRoleError extends Error {
  constructor(role: string) {
    super(`There is no role "${role}".`);
    this.name = 'UnknownRoleError';
  }
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ');
  return typeof value === 'string' ? value : 'none';
}

function findSchemas(catalog: Catalog): Found<readonly string[]> {
  const isPlatform = catalog.roles.some(
    ({ name }) => name === 'authenticator' || name.startsWith('supabase_'),
  );
  const own = new Set(
    catalog.relations.filter((relation) => relation.extension === undefined).map(({ schema }) => schema),
  );
  if (!isPlatform) return { value: [...own], why: 'every schema with a table or a view' };
  return {
    value: [...own].filter((schema) => !PLATFORM_SCHEMAS.has(schema)),
    why: 'every schema with a table or a view, without those of the hosting platform',
  };
}

function findTenantsTable(
  catalog: Catalog,
  tables: readonly Relation[],
  tenantColumns: readonly string[],
): Found<string | undefined> {
  const votes = new Map<number, number>();
  const names = new Set(tenantColumns.map(plainName));
  for (const table of tables) {
    for (const { columns, references } of table.foreignKeys) {
      if (columns.length === 1 && names.has(plainName(columns[0]!))) {
        votes.set(references, (votes.get(references) ?? 0) + 1);
      }
    }
  }
  const [best] = [...votes].sort(([, a], [, b]) => b - a);
  const table = best && catalog.relations.find(({ oid }) => oid === best[0]);
  if (best && table) {
    return { value: table.qualified, why: `the tenant column of ${String(best[1])} tables references it` };
  }
  const named = tables.find((table) => isNamedLike(table, tenantColumns[0] ?? ''));
  if (named) return { value: named.qualified, why: 'its name is that of the tenant column' };
  return { value: undefined, why: 'no foreign key leads from the tenant column to a table' };
}

/** `tenants`, `Tenant` for `tenant_id`; its key is one column. */
function isNamedLike(table: Relation, column: string): boolean {
  const stem = plainName(column).replace(/id$/, '');
  const name = plainName(table.name);
  const hasKey = table.indexes.some(({ primary, columns }) => primary && columns.length === 1);
  return stem !== '' && hasKey && (name === stem || name === `${stem}s`);
}

function qualify(tables: readonly Relation[], name: string): string {
  return tables.find((table) => table.qualified === name || table.name === name)?.qualified ?? name;
}

function findTenantSettings(catalog: Catalog, tables: readonly Relation[]): Found<readonly string[]> {
  const counts = new Map<string, number>();
  for (const table of tables) {
    for (const name of contextSettings(catalog, table)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const names = [...counts.keys()];
  const telling = names.filter((name) =>
    /tenant|org|account|workspace|company|team|customer|client/i.test(name),
  );
  const [first] = [...counts].sort(([, a], [, b]) => b - a);
  if (telling.length > 0) return { value: telling, why: 'policies, or functions they call, read it' };
  if (first) return { value: [first[0]], why: `the policies of ${String(first[1])} tables read it` };
  return { value: [], why: 'no policy reads a setting' };
}

/**
 * Detects how a database separates its tenants: the tenant column, the table of the tenants, the settings with the
 * tenant, the roles of the application.
 *
 * Guarantees: given values are used unchanged; detected values are reported, with the reason.
 */
import type { Catalog, Relation, Role } from './catalog.js';
import { contextSettings } from './context.js';
import { tablesOfMembers } from './membership.js';
import { grantsOf, findRole, mayUse } from './privileges.js';
import type { AuditSettings } from './rule.js';
import { isTable } from './tenancy.js';

/** The values given by the caller. */
export interface GivenSettings {
  readonly tenantColumns?: readonly string[] | undefined;
  readonly tenantsTable?: string | undefined;
  readonly tenantSettings?: readonly string[] | undefined;
  readonly appRoles?: readonly string[] | undefined;
  readonly schemas?: readonly string[] | undefined;
  readonly sharedTables?: readonly string[] | undefined;
}

/** A sentence about a detected value, for the user. */
export interface Detection {
  readonly what: string;
  readonly value: string;
  readonly why: string;
}

/** Common names of tenant columns, the most certain first. */
const USUAL_COLUMNS = [
  'tenant_id',
  'tenantId',
  'tenant',
  'organization_id',
  'organizationId',
  'organisation_id',
  'org_id',
  'orgId',
  'account_id',
  'accountId',
  'workspace_id',
  'workspaceId',
  'company_id',
  'companyId',
  'team_id',
  'teamId',
  'customer_id',
  'client_id',
  'practice_id',
  'shop_id',
  'store_id',
  'site_id',
  'project_id',
];

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
  const members = tablesOfMembers(tables, tenantColumns).map(({ qualified }) => qualified);
  if (members.length > 0) {
    say('members', {
      value: members,
      why: 'a membership table ties them to the tenants, to several perhaps',
    });
  }
  const tenantTables = tables.filter(
    (table) =>
      table.qualified === tenantsTable || table.columns.some((column) => tenantColumns.includes(column.name)),
  );
  const appRoles = given.appRoles ?? say('application role', findAppRoles(catalog, tenantTables));
  for (const role of appRoles) {
    if (!findRole(catalog, role)) throw new UnknownRoleError(role);
  }
  return {
    settings: {
      tenantColumns,
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

interface Found<Value> {
  readonly value: Value;
  readonly why: string;
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

interface Candidate {
  readonly name: string;
  tables: number;
  policies: number;
  score: number;
}

function findTenantColumn(tables: readonly Relation[]): Found<readonly string[]> {
  const [best] = mostUsed(tables, (table, name) => {
    const usual = USUAL_COLUMNS.indexOf(name);
    if (usual >= 0) return usual < 6 ? 2 : 1;
    // An unusual name counts only when a policy compares it and it is part of a foreign key.
    const isKey = table.foreignKeys.some(({ columns }) => columns.includes(name));
    return isKey && inPolicies(table, name) && !USERS_COLUMN.test(name) && !isPrimary(table, name) ? 1 : 0;
  });
  if (best && best.policies > 0) return found(best, tables);
  const ofUsers = mostUsed(tables, (table, name) =>
    USERS_COLUMN.test(name) && inPolicies(table, name) ? 1 : 0,
  );
  if (ofUsers.length > 0) {
    const policies = ofUsers.reduce((sum, each) => sum + each.policies, 0);
    return {
      value: ofUsers.map(({ name }) => name),
      why: `each user is a tenant: in the policies of ${String(policies)} tables`,
    };
  }
  return best ? found(best, tables) : { value: [], why: 'no table has a column with a usual name' };
}

const USERS_COLUMN =
  /^(user|owner|author|profile|creator|member)_?id$|^(created|owned)_?by$|(^|_)(user|profile|owner|author|creator|member|parent)/i;

function found(
  { name, tables: count, policies }: Candidate,
  tables: readonly Relation[],
): Found<readonly string[]> {
  const where = `in ${String(count)} of ${String(tables.length)} tables`;
  return { value: [name], why: `${where}, in the policies of ${String(policies)}` };
}

/** Column names, the highest weight first; `weigh` is 0 for a column that is not a candidate. */
function mostUsed(
  tables: readonly Relation[],
  weigh: (table: Relation, column: string) => number,
): readonly Candidate[] {
  const candidates = new Map<string, Candidate>();
  for (const table of tables) {
    for (const { name } of table.columns) {
      const weight = weigh(table, name);
      if (weight === 0) continue;
      const candidate = candidates.get(name) ?? { name, tables: 0, policies: 0, score: 0 };
      const isKey = table.foreignKeys.some(({ columns }) => columns.includes(name));
      const inPolicy = inPolicies(table, name);
      candidate.tables += 1;
      candidate.policies += inPolicy ? 1 : 0;
      candidate.score += weight + (inPolicy ? 2 : 0) + (isKey ? 1 : 0);
      candidates.set(name, candidate);
    }
  }
  return [...candidates.values()].sort((a, b) => b.score - a.score);
}

function inPolicies(table: Relation, column: string): boolean {
  return table.policies.some(({ using, check }) => mentions(using, column) || mentions(check, column));
}

function isPrimary(table: Relation, column: string): boolean {
  return table.indexes.some(
    ({ primary, columns }) => primary && columns.length === 1 && columns[0] === column,
  );
}

function mentions(expression: string | undefined, column: string): boolean {
  return expression !== undefined && new RegExp(`(^|[^\\w$])"?${column}"?($|[^\\w$])`).test(expression);
}

function findTenantsTable(
  catalog: Catalog,
  tables: readonly Relation[],
  tenantColumns: readonly string[],
): Found<string | undefined> {
  const votes = new Map<number, number>();
  for (const table of tables) {
    for (const { columns, references } of table.foreignKeys) {
      if (columns.length === 1 && tenantColumns.includes(columns[0]!)) {
        votes.set(references, (votes.get(references) ?? 0) + 1);
      }
    }
  }
  const [best] = [...votes].sort(([, a], [, b]) => b - a);
  const table = best && catalog.relations.find(({ oid }) => oid === best[0]);
  if (best && table) {
    return { value: table.qualified, why: `the tenant column of ${String(best[1])} tables references it` };
  }
  return { value: undefined, why: 'no foreign key leads from the tenant column to a table' };
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

const CHANGES = ['INSERT', 'UPDATE', 'DELETE'];

function findAppRoles(catalog: Catalog, tables: readonly Relation[]): Found<readonly string[]> {
  const uses = (role: Role, privileges: readonly string[]): boolean =>
    tables.some((table) => mayUse(catalog, role.name, table, ...privileges));
  const candidates = catalog.roles.filter(
    (role) =>
      !role.superuser &&
      !role.name.startsWith('pg_') &&
      (role.login || isSwitchedTo(catalog, role)) &&
      uses(role, ['SELECT']) &&
      uses(role, CHANGES),
  );
  const held = candidates.filter(
    (role) => !role.bypassRls && !tables.some((table) => ownsThroughInheritance(catalog, role, table)),
  );
  if (held.length > 0) {
    return {
      value: held.map(({ name }) => name),
      why: 'may read and write tenant tables, is neither their owner nor exempt from row-level security',
    };
  }
  const [exempt, others] = [
    candidates.filter((role) => role.bypassRls),
    candidates.filter((role) => !role.bypassRls),
  ];
  const rest = others.length > 0 ? others : exempt;
  if (rest.length > 0) {
    return {
      value: rest.map(({ name }) => name),
      why: 'no other role may read and write tenant tables, superusers aside',
    };
  }
  return { value: [], why: 'no role but superusers may read and write tenant tables: give --app-role' };
}

function ownsThroughInheritance(catalog: Catalog, role: Role, table: Relation): boolean {
  return (
    role.name === table.owner ||
    grantsOf(catalog, role.name, table).some(({ grantee }) => grantee === table.owner)
  );
}

/** A role without a login, to which another login switches for each request, as in PostgREST. */
function isSwitchedTo(catalog: Catalog, role: Role): boolean {
  return catalog.roles.some(
    (login) =>
      login.login &&
      !login.superuser &&
      login.memberOf.some(
        ({ role: name, inherits, mayBecome }) => name === role.name && mayBecome && !inherits,
      ),
  );
}

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

/** A sentence about a detected value, for the user. */
export interface Detection {
  readonly what: string;
  readonly value: string;
  readonly why: string;
}

/** Common names of tenant columns, the most certain first. Case and underscores do not matter. */
const USUAL_COLUMNS = [
  'tenant_id',
  'tenant',
  'organization_id',
  'organisation_id',
  'org_id',
  'account_id',
  'workspace_id',
  'company_id',
  'team_id',
  'customer_id',
  'client_id',
  'practice_id',
  'shop_id',
  'store_id',
  'site_id',
  'space_id',
  'project_id',
  'namespace',
].map(plainName);
/** Of these, the names that hardly mean anything else. */
const CERTAIN = 5;

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
  const hub = hubOf(tables);
  const candidates = mostUsed(tables, (table, name) => {
    const usual = USUAL_COLUMNS.indexOf(plainName(name));
    if (usual >= 0) return usual < CERTAIN ? 2 : 1;
    if (USERS_COLUMN.test(name) || isPrimary(table, name)) return 0;
    const keys = table.foreignKeys.filter(({ columns }) => columns.length === 1 && columns[0] === name);
    // An unusual name counts only when a policy compares it, or when it references what most tables reference.
    const isCompared = keys.length > 0 && inPolicies(table, name);
    return isCompared || keys.some(({ references }) => references === hub?.oid) ? 1 : 0;
  });
  const [best] = candidates;
  if (best && best.policies > 0) return found(besides(best, candidates, tables), tables);
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
  return best
    ? found(besides(best, candidates, tables), tables)
    : { value: [], why: 'no table has a column with a usual name, and no table is referenced by most' };
}

/** The table that most other tables reference, by at least three; not that of the users. */
function hubOf(tables: readonly Relation[]): Relation | undefined {
  const referring = new Map<number, number>();
  for (const table of tables) {
    const referenced = table.foreignKeys.filter(
      ({ columns, references }) =>
        columns.length === 1 && references !== table.oid && !USERS_COLUMN.test(columns[0]!),
    );
    for (const oid of new Set(referenced.map(({ references }) => references))) {
      referring.set(oid, (referring.get(oid) ?? 0) + 1);
    }
  }
  const [most] = [...referring].sort(([, a], [, b]) => b - a);
  return most && most[1] >= 3 ? tables.find(({ oid }) => oid === most[0]) : undefined;
}

/** The best column, and others that policies compare in tables that do not have it. */
function besides(
  best: Candidate,
  candidates: readonly Candidate[],
  tables: readonly Relation[],
): readonly Candidate[] {
  const hasBest = (table: Relation): boolean =>
    table.columns.some(({ name }) => plainName(name) === plainName(best.name));
  const targets = new Set(tables.flatMap((table) => targetsOf(table, best.name)));
  const others = candidates.filter((candidate) => {
    if (candidate === best) return false;
    const beside = tables.filter(
      (table) => !hasBest(table) && table.columns.some(({ name }) => name === candidate.name),
    );
    // The key of the tenants' own table is no tenant column.
    return beside.some(
      (table) =>
        !targets.has(table.oid) &&
        // project_id, whose project has the tenant, tells the tenant only through the project.
        !targetsOf(table, candidate.name).some((oid) =>
          tables.some((each) => each.oid === oid && hasBest(each)),
        ) &&
        !isPrimary(table, candidate.name) &&
        // A policy that looks into another table may compare a reference.
        table.policies.some(({ using, reads }) => reads.length === 0 && mentions(using, candidate.name)) &&
        USUAL_COLUMNS.includes(plainName(candidate.name)),
    );
  });
  return [best, ...others];
}

function targetsOf(table: Relation, column: string): readonly number[] {
  return table.foreignKeys
    .filter(
      ({ columns: [first], columns }) => columns.length === 1 && plainName(first!) === plainName(column),
    )
    .map(({ references }) => references);
}

/** A tenant that somebody works in or came from, not whose the row is. */
const SELECTED = /^(last|current|default|selected|active|previous|parent|home|primary|preferred)/i;

/**
 * The columns of other names that reference the table of the tenants. A table with several such columns has a tenant
 * only if one of them is required.
 */
function findOtherColumns(
  catalog: Catalog,
  tables: readonly Relation[],
  tenantColumns: readonly string[],
  tenantsTable: string | undefined,
  members: readonly string[],
): Readonly<Record<string, string>> {
  const registry = catalog.relations.find(({ qualified }) => qualified === tenantsTable);
  // A reference to a user says who did something, not whose the row is.
  if (!registry || /user|profile|people|person/i.test(registry.name)) return {};
  const names = new Set(tenantColumns.map(plainName));
  return Object.fromEntries(
    tables.flatMap((table) => {
      if (table === registry || members.includes(table.qualified)) return [];
      if (table.columns.some(({ name }) => names.has(plainName(name)))) return [];
      const referring = table.foreignKeys.flatMap(({ columns, references }) =>
        columns.length === 1 && references === registry.oid && !SELECTED.test(columns[0]!) ? columns : [],
      );
      const required = referring.filter((name) =>
        table.columns.some((column) => column.name === name && column.notNull),
      );
      const only = referring.length === 1 ? referring : required.length === 1 ? required : [];
      return only.map((name) => [table.qualified, name] as const);
    }),
  );
}

const USERS_COLUMN =
  /^(user|owner|author|profile|creator|member)_?id$|^(created|owned)_?by$|(^|_)(user|profile|owner|author|creator|member|parent)/i;

function found(candidates: readonly Candidate[], tables: readonly Relation[]): Found<readonly string[]> {
  const [count, policies] = [
    candidates.reduce((sum, each) => sum + each.tables, 0),
    candidates.reduce((sum, each) => sum + each.policies, 0),
  ];
  const where = `in ${String(count)} of ${String(tables.length)} tables`;
  return {
    value: candidates.map(({ name }) => name),
    why: `${where}, in the policies of ${String(policies)}`,
  };
}

/** Column names in their most frequent spelling, the highest weight first; `weigh` is 0 for no candidate. */
function mostUsed(
  tables: readonly Relation[],
  weigh: (table: Relation, column: string) => number,
): readonly Candidate[] {
  const candidates = new Map<string, Candidate & { readonly spellings: Map<string, number> }>();
  for (const table of tables) {
    for (const { name } of table.columns) {
      const weight = weigh(table, name);
      if (weight === 0) continue;
      const candidate = candidates.get(plainName(name)) ?? {
        name,
        tables: 0,
        policies: 0,
        score: 0,
        spellings: new Map<string, number>(),
      };
      const isKey = table.foreignKeys.some(({ columns }) => columns.includes(name));
      const inPolicy = inPolicies(table, name);
      candidate.tables += 1;
      candidate.policies += inPolicy ? 1 : 0;
      candidate.score += weight + (inPolicy ? 2 : 0) + (isKey ? 1 : 0);
      candidate.spellings.set(name, (candidate.spellings.get(name) ?? 0) + 1);
      candidates.set(plainName(name), candidate);
    }
  }
  return [...candidates.values()]
    .map(({ spellings, ...candidate }) => ({
      ...candidate,
      name: [...spellings].sort(([, a], [, b]) => b - a)[0]![0],
    }))
    .sort((a, b) => b.score - a.score);
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

/** Detects the tenant columns: by their names, by what policies compare, and by what most tables reference. */
import type { Catalog, Relation } from './catalog.js';
import type { Found } from './detection.js';
import { plainName } from './tenancy.js';

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

interface Candidate {
  readonly name: string;
  tables: number;
  policies: number;
  score: number;
}

/** The tenant columns, the best first, and why. */
export function findTenantColumn(tables: readonly Relation[]): Found<readonly string[]> {
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
export function findOtherColumns(
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

/** The columns, with the sentence of how many tables have them. */
export function found(
  candidates: readonly Candidate[],
  tables: readonly Relation[],
): Found<readonly string[]> {
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

/** T06: policies through which rows are written into another tenant. */
import type { Catalog } from '../catalog.js';
import { functionsOfPolicy } from '../context.js';
import type { Finding } from '../finding.js';
import { separates } from '../grades.js';
import { columnsOf } from '../policies.js';
import { mayUse } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list, quoteName } from '../sql-text.js';
import type { TenantTable } from '../tenancy.js';
import { type Command, type Deciding, WORDS, deciding, weakest } from './deciding.js';

export const weakCheck: CatalogRule = {
  id: 'T06',
  title: 'Rows can be written into another tenant',
  severity: 'critical',
  why: 'Where WITH CHECK is weaker than USING, a tenant can insert rows into another one, or hand its rows over.',
  check(catalog, settings): readonly Finding[] {
    return deciding(catalog, settings, 'check').flatMap((each) => {
      const { tenant, policy, commands } = each;
      const writes = writable(catalog, each, settings);
      // Anybody may create a tenant, which belongs to no other.
      const counted = tenant.isRegistry ? writes.filter((command) => command !== 'INSERT') : writes;
      const check = policy.check ?? (counted.includes('UPDATE') ? policy.using : undefined);
      if (check === undefined || counted.length === 0) return [];
      // T04 reports a policy whose USING is open too.
      if (
        policy.using !== undefined &&
        !separates(weakest(catalog, settings, tenant.table, policy.using, each.roles).grade)
      )
        return [];
      const weakness = weaknessOf(catalog, settings, each, check);
      if (weakness === undefined) return [];
      const using =
        policy.using === undefined || policy.using === check ? '' : ` but USING is (${policy.using});`;
      const isFixable = policy.using !== undefined && policy.using !== check && weakness.mended;
      return [
        {
          rule: weakCheck,
          object: policy.qualified,
          evidence:
            `${policy.check === undefined ? 'USING, which is also the check,' : 'WITH CHECK'} (${check}) ${weakness.seen};${using} it decides on ${list(commands)} ` +
            `of ${list(each.roles)}`,
          fix: isFixable
            ? `ALTER POLICY ${quoteName(policy.name)} ON ${tenant.table.qualified} WITH CHECK (${policy.using});`
            : undefined,
          advice: isFixable
            ? undefined
            : `Compare ${tenant.column.name} with the tenant of the transaction in WITH CHECK. ` +
              'Let who joins be decided by a function that checks an invitation.',
        },
      ];
    });
  },
};

interface Weakness {
  readonly seen: string;
  /** USING as the check would close it. */
  readonly mended: boolean;
}

function weaknessOf(
  catalog: Catalog,
  settings: AuditSettings,
  each: Deciding,
  check: string,
): Weakness | undefined {
  const { table, column } = each.tenant;
  const { policy, roles } = each;
  const { grade } = weakest(catalog, settings, table, check, roles);
  if (!separates(grade)) {
    return policy.check === undefined ? undefined : { seen: WORDS[grade] ?? grade, mended: true };
  }
  if (grade !== 'linked') return undefined;
  const readsTenant = (expression: string): boolean =>
    columnsOf(catalog, settings, table, expression).has(column.name);
  if (
    policy.using !== undefined &&
    policy.check !== undefined &&
    readsTenant(policy.using) &&
    !readsTenant(check)
  ) {
    return { seen: `does not look at ${column.name}`, mended: true };
  }
  // Two tenants cannot have one id: a tenant's own row does not become another tenant's.
  if (each.tenant.isRegistry || readsTenant(check) || !comparesUserOnly(catalog, settings, each, check))
    return undefined;
  const deciding = decidedBy(catalog, each.tenant);
  if (deciding.length === 0) return undefined;
  return {
    seen:
      `compares the user and not ${column.name}, so that everybody may write a row of any tenant; ` +
      `${list(deciding)} ${deciding.length === 1 ? 'decides' : 'decide'} by the rows of this table`,
    mended: false,
  };
}

const USER = /^(user|member|profile|person|owner|author|creator|created_by|account)(_?(id|uid|uuid))?$|user/i;

/** The row is compared with who the caller is: where users are no tenants, that says nothing about the tenant. */
function comparesUserOnly(
  catalog: Catalog,
  settings: AuditSettings,
  { tenant: { table, column } }: Deciding,
  check: string,
): boolean {
  const columns = columnsOf(catalog, settings, table, check);
  // profiles.id, which is the id of the user.
  const isUser = (name: string): boolean =>
    USER.test(name) ||
    table.foreignKeys.some(
      ({ columns: [only, ...more], references }) =>
        only === name &&
        more.length === 0 &&
        catalog.relations.some(({ oid, name: of }) => oid === references && /^users?$/i.test(of)),
    );
  return columns.size > 0 && !USER.test(column.name) && [...columns].every(isUser);
}

/** The policies that look into this table, directly or through functions, and its own that compare the tenant. */
function decidedBy(catalog: Catalog, { table, column }: TenantTable): readonly string[] {
  const name = new RegExp(`(^|[^\\w$])"?${table.name.replace(/[^\w]/g, '\\$&')}"?($|[^\\w$])`);
  return catalog.relations.flatMap((other) =>
    other.policies
      .filter((policy) =>
        other === table
          ? [policy.using, policy.check].some((each) => each?.includes(column.name) === true)
          : policy.reads.includes(table.oid) ||
            functionsOfPolicy(catalog, policy).some(({ body }) => name.test(body ?? '')),
      )
      .map(({ qualified }) => qualified),
  );
}

/** INSERT, and UPDATE where the role may change the tenant column. */
function writable(
  catalog: Catalog,
  { tenant, commands, roles }: Deciding,
  settings: AuditSettings,
): readonly Command[] {
  return commands.filter((command) => {
    if (command === 'INSERT') return true;
    if (command !== 'UPDATE') return false;
    if (settings.appRoles.length === 0) return true;
    return roles.some((role) => mayChange(catalog, role, tenant));
  });
}

function mayChange(catalog: Catalog, role: string, { table, column }: TenantTable): boolean {
  const ofTheColumn = {
    ...table,
    grants: table.grants.filter((grant) => grant.column === undefined || grant.column === column.name),
  };
  return mayUse(catalog, role, ofTheColumn, 'UPDATE');
}

/** T04, T05, T06, T12: policies that permit too much. */
import type { Catalog, Policy, PolicyCommand, Relation } from '../catalog.js';
import { functionsOfPolicy, settingsIn } from '../context.js';
import type { Finding } from '../finding.js';
import {
  callerOf,
  columnsOf,
  expressionOf,
  gradeOf,
  isWeaker,
  judgedRoles,
  opensWithoutContext,
  policiesFor,
  separates,
  type Grade,
} from '../policies.js';
import { mayUse } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list, quoteName } from '../sql-text.js';
import { declaration, tenantTables, type TenantTable } from '../tenancy.js';
import { usualExpression } from '../usual-policy.js';
import { openBesides } from './open-besides.js';

type Command = Exclude<PolicyCommand, 'ALL'>;

/** A permissive policy for a command of an application role, without a restrictive policy that separates tenants. */
interface Deciding {
  readonly tenant: TenantTable;
  readonly policy: Policy;
  readonly commands: readonly Command[];
  readonly roles: readonly string[];
}

const COMMANDS: readonly Command[] = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];

/** Every relevant permissive policy, once. T01 reports tables without row-level security. */
function deciding(catalog: Catalog, settings: AuditSettings, part: 'using' | 'check'): readonly Deciding[] {
  return tenantTables(catalog, settings).flatMap((tenant) => {
    const { table } = tenant;
    if (!table.rowSecurity) return [];
    const found = new Map<Policy, { commands: Set<Command>; roles: Set<string> }>();
    for (const role of judgedRoles(catalog, settings, table)) {
      for (const command of COMMANDS) {
        if (settings.appRoles.length > 0 && !mayUse(catalog, role, table, command)) continue;
        const { permissive, restrictive } = policiesFor(catalog, table, role, command);
        if (restrictive.some((policy) => holds(catalog, settings, table, policy, part, role))) continue;
        for (const policy of permissive) {
          if (declaration(policy.comment, 'shared') !== undefined) continue;
          const entry = found.get(policy) ?? { commands: new Set(), roles: new Set() };
          entry.commands.add(command);
          entry.roles.add(role);
          found.set(policy, entry);
        }
      }
    }
    return [...found].map(([policy, { commands, roles }]) => ({
      tenant,
      policy,
      commands: [...commands],
      roles: [...roles],
    }));
  });
}

/** Whether a restrictive policy separates the tenants by itself, with a context and without. */
function holds(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  policy: Policy,
  part: 'using' | 'check',
  role: string,
): boolean {
  const caller = callerOf(catalog, role);
  const expression = expressionOf(policy, part);
  if (expression === undefined) return false;
  return (
    gradeOf(catalog, settings, table, expression, caller) === 'linked' &&
    columnsOf(catalog, settings, table, expression).size > 0 &&
    opensWithoutContext(catalog, settings, table, expression, caller) === undefined
  );
}

/** The weakest grade of an expression among the roles, and the roles that have it. */
function weakest(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  expression: string,
  roles: readonly string[],
): { readonly grade: Grade; readonly roles: readonly string[] } {
  const grades = roles.map((role) => ({
    role,
    grade: gradeOf(catalog, settings, table, expression, callerOf(catalog, role)),
  }));
  const { grade } = grades.reduce((one, other) => (isWeaker(other.grade, one.grade) ? other : one));
  return { grade, roles: grades.filter((each) => each.grade === grade).map(({ role }) => role) };
}

const WORDS: Readonly<Partial<Record<Grade, string>>> = {
  open: 'is true for every row',
  caller: 'looks at no column of the table, and lets every caller through',
  switch: 'opens every row by a setting alone, which any statement of the application can set',
  weak: 'looks at the row only for what it is not, never at whose it is',
  row: 'lets rows be changed whoever they belong to',
};

export const openPolicy: CatalogRule = {
  id: 'T04',
  title: 'Policy that shows every tenant’s rows',
  severity: 'critical',
  why: 'Permissive policies are joined with OR: one that is always true undoes all the others on its table.',
  check(catalog, settings): readonly Finding[] {
    const ofTenants = deciding(catalog, settings, 'using').flatMap((each): readonly Finding[] => {
      const { tenant, policy, commands } = each;
      if (policy.using === undefined) return [];
      const { grade, roles } = weakest(catalog, settings, tenant.table, policy.using, each.roles);
      const changes = commands.filter((command) => command === 'UPDATE' || command === 'DELETE');
      // Rows that are visible to everybody because of their values were published; rows that everybody may change were
      // not.
      const isOpen = isWeaker(grade, 'row') || (grade === 'row' && changes.length > 0);
      if (!isOpen) return [];
      return [
        {
          rule: openPolicy,
          object: policy.qualified,
          evidence: `USING (${policy.using}) ${WORDS[grade] ?? grade}; it decides on ${list(commands)} of ${list(roles)}`,
          ...(grade === 'weak' || grade === 'row'
            ? publishing(policy, tenant)
            : closing(catalog, settings, each)),
        },
      ];
    });
    return [...ofTenants, ...openBesides(catalog, settings, openPolicy)];
  },
};

/** Drops it if other policies still admit the tenant's own rows, else lets it compare the tenant. */
function closing(catalog: Catalog, settings: AuditSettings, each: Deciding): Pick<Finding, 'fix' | 'advice'> {
  const { tenant, policy } = each;
  const name = quoteName(policy.name);
  if (!isNeeded(catalog, settings, each)) {
    return { fix: `DROP POLICY ${name} ON ${tenant.table.qualified};` };
  }
  const expression = usualExpression(catalog, settings, tenant);
  if (expression === undefined) {
    return {
      advice:
        `Let it compare ${tenant.column.name} with the tenant of the transaction. Dropping it alone would leave ` +
        `${list(each.roles)} without a row.`,
    };
  }
  const check = policy.check === undefined ? '' : ` WITH CHECK ${expression}`;
  return { fix: `ALTER POLICY ${name} ON ${tenant.table.qualified} USING ${expression}${check};` };
}

/** Whether a role would have no policy left for one of the commands: other open policies are closed as well. */
function isNeeded(
  catalog: Catalog,
  settings: AuditSettings,
  { tenant: { table }, policy, commands, roles }: Deciding,
): boolean {
  return roles.some((role) =>
    commands.some((command) => {
      const { permissive } = policiesFor(catalog, table, role, command);
      return !permissive.some((other) => {
        const expression = expressionOf(other, command === 'INSERT' ? 'check' : 'using');
        return (
          other !== policy &&
          expression !== undefined &&
          gradeOf(catalog, settings, table, expression, callerOf(catalog, role)) === 'linked'
        );
      });
    }),
  );
}

/** Its rows may be public on purpose. */
function publishing({ name }: Policy, { table, column }: TenantTable): Pick<Finding, 'fix' | 'advice'> {
  return {
    advice:
      `Compare ${column.name} as well. Where these rows are meant for all tenants, say why: ` +
      `COMMENT ON POLICY ${quoteName(name)} ON ${table.qualified} IS '@tenancy shared: …'`,
  };
}

export const opensWithoutTenant: CatalogRule = {
  id: 'T05',
  title: 'Policy that opens when no tenant is set',
  severity: 'critical',
  why: 'A query that forgot to bind its tenant should see nothing; here it sees the rows of all tenants.',
  check(catalog, settings): readonly Finding[] {
    const found = new Map<Policy, Finding>();
    for (const part of ['using', 'check'] as const) {
      for (const { tenant, policy, roles } of deciding(catalog, settings, part)) {
        const expression = policy[part];
        if (expression === undefined || found.has(policy)) continue;
        // T04 or T06 report policies that are open anyway.
        if (isWeaker(weakest(catalog, settings, tenant.table, expression, roles).grade, 'weak')) continue;
        const opened = roles.flatMap((role) => {
          const caller = callerOf(catalog, role);
          const situation = opensWithoutContext(catalog, settings, tenant.table, expression, caller);
          return situation === undefined ? [] : [{ role, situation }];
        });
        const [first] = opened;
        if (!first) continue;
        found.set(policy, {
          rule: opensWithoutTenant,
          object: policy.qualified,
          evidence:
            `${part === 'using' ? 'USING' : 'WITH CHECK'} (${expression}) is true for every row when the setting is ` +
            (first.situation === 'unset'
              ? 'unset (NULL)'
              : "'', as it is after a transaction-local setting has ended") +
            `; it decides for ${list(opened.map(({ role }) => role))}`,
          advice:
            'Take the part that admits a missing setting out, so that the comparison is NULL or raises an error then. ' +
            'Work across tenants belongs to a role of its own.',
        });
      }
    }
    return [...found.values()];
  },
};

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

const READS_SESSION = /\b(current_user|session_user|current_role|auth\.(uid|jwt|role))\b/i;

export const immutableContext: CatalogRule = {
  id: 'T12',
  title: 'IMMUTABLE function that reads the session, in a policy',
  severity: 'critical',
  why: 'PostgreSQL may replace an IMMUTABLE function by its result when it plans, and use that plan for the next tenant.',
  check(catalog, settings): readonly Finding[] {
    const used = new Map(
      tenantTables(catalog, settings).flatMap(({ table }) =>
        table.policies.flatMap((policy) =>
          functionsOfPolicy(catalog, policy).map((each) => [each, policy] as const),
        ),
      ),
    );
    return [...used].flatMap(([target, policy]) => {
      if (target.volatility !== 'immutable') return [];
      const read = settingsIn(target.body);
      if (read.length === 0 && !READS_SESSION.test(target.body ?? '')) return [];
      return [
        {
          rule: immutableContext,
          object: target.signature,
          evidence: `IMMUTABLE, but it reads ${read.length > 0 ? list(read) : 'who is connected'}; ${policy.qualified} calls it`,
          fix: `ALTER FUNCTION ${target.signature} STABLE;`,
        },
      ];
    });
  },
};

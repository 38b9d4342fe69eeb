/** The policies that decide which rows a role of the application sees and writes, for the rules about them. */
import type { Catalog, Policy, PolicyCommand, Relation } from '../catalog.js';
import { type Grade, isWeaker } from '../grades.js';
import {
  callerOf,
  columnsOf,
  expressionOf,
  gradeOf,
  judgedRoles,
  opensWithoutContext,
  policiesFor,
} from '../policies.js';
import { mayUse } from '../privileges.js';
import type { AuditSettings } from '../rule.js';
import { type TenantTable, declaration, tenantTables } from '../tenancy.js';

export type Command = Exclude<PolicyCommand, 'ALL'>;

/** A permissive policy for a command of an application role, without a restrictive policy that separates tenants. */
export interface Deciding {
  readonly tenant: TenantTable;
  readonly policy: Policy;
  readonly commands: readonly Command[];
  readonly roles: readonly string[];
}

const COMMANDS: readonly Command[] = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];

/** Every relevant permissive policy, once. T01 reports tables without row-level security. */
export function deciding(
  catalog: Catalog,
  settings: AuditSettings,
  part: 'using' | 'check',
): readonly Deciding[] {
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
export function weakest(
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

export const WORDS: Readonly<Partial<Record<Grade, string>>> = {
  open: 'is true for every row',
  caller: 'looks at no column of the table, and lets every caller through',
  switch: 'opens every row by a setting alone, which any statement of the application can set',
  weak: 'looks at the row only for what it is not, never at whose it is',
  row: 'lets rows be changed whoever they belong to',
};

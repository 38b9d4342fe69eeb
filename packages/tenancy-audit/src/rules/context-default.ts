/** T10: a default for the tenant setting, on a role or a database, or in a policy. */
import type { Catalog, RoleSetting } from '../catalog.js';
import { contextSettings } from '../context.js';
import type { Finding } from '../finding.js';
import { callerOf, defaultTenants, judgedRoles } from '../policies.js';
import { appliesTo, reachableRoles } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list, quoteName, quoteText } from '../sql-text.js';
import { tenantTables } from '../tenancy.js';

export const contextDefault: CatalogRule = {
  id: 'T10',
  title: 'Default for the setting that carries the tenant',
  severity: 'critical',
  why: 'A query that forgot to bind its tenant works on the tenant of the default instead of failing.',
  check(catalog, settings): readonly Finding[] {
    const names = new Set(settings.tenantSettings.map((name) => name.toLowerCase()));
    for (const { table } of tenantTables(catalog, settings)) {
      for (const name of contextSettings(catalog, table)) names.add(name);
    }
    return [...inPolicies(catalog, settings), ...ofSettings(catalog, settings, names)];
  },
};

/** A policy that falls back to a tenant: `tenant_id = COALESCE(setting, 'x')`, directly or in a function. */
function inPolicies(catalog: Catalog, settings: AuditSettings): readonly Finding[] {
  return tenantTables(catalog, settings).flatMap(({ table, column }) =>
    table.policies.flatMap((policy): readonly Finding[] => {
      const roles = judgedRoles(catalog, settings, table).filter((role) => appliesTo(catalog, policy, role));
      const values = [policy.using, policy.check].flatMap((expression) =>
        expression === undefined
          ? []
          : roles.flatMap((role) =>
              defaultTenants(catalog, settings, table, expression, callerOf(catalog, role)),
            ),
      );
      if (values.length === 0) return [];
      return [
        {
          rule: contextDefault,
          object: policy.qualified,
          evidence:
            `when the setting is missing, ${list(roles)} works on the rows whose ${column.name} is ` +
            `${list([...new Set(values)].map(quoteText))}: ${policy.using ?? policy.check ?? ''}`,
          advice:
            'Compare with the setting alone, so that the comparison is NULL or raises an error when it is missing.',
        },
      ];
    }),
  );
}

function ofSettings(
  catalog: Catalog,
  settings: AuditSettings,
  names: ReadonlySet<string>,
): readonly Finding[] {
  return catalog.roleSettings
    .filter(
      (each) => names.has(each.name.toLowerCase()) && each.value !== '' && concerns(catalog, settings, each),
    )
    .map((each) => ({
      rule: contextDefault,
      object: `${scopeOf(each)} ${each.name}`,
      evidence: `${scopeOf(each)} sets ${each.name} to '${each.value}' at every connection`,
      fix: `${alter(each)} RESET ${each.name.split('.').map(quoteName).join('.')};`,
    }));
}

/** Whether it applies to the application: as a default for all, for its role, or for a login that switches to it. */
function concerns(catalog: Catalog, settings: AuditSettings, { role }: RoleSetting): boolean {
  if (role === undefined || settings.appRoles.length === 0) return true;
  if (settings.appRoles.includes(role)) return true;
  const login = catalog.roles.find(({ name }) => name === role);
  if (login === undefined || login.superuser || login.bypassRls) return false;
  const reachable = reachableRoles(catalog, role);
  return settings.appRoles.some((name) => reachable.has(name));
}

function scopeOf({ role, database }: RoleSetting): string {
  const parts = [
    role === undefined ? '' : `role ${role}`,
    database === undefined ? '' : `database ${database}`,
  ];
  return parts.filter(Boolean).join(' in ') || 'every role';
}

function alter({ role, database }: RoleSetting): string {
  if (role === undefined && database !== undefined) return `ALTER DATABASE ${quoteName(database)}`;
  const where = database === undefined ? '' : ` IN DATABASE ${quoteName(database)}`;
  return `ALTER ROLE ${role === undefined ? 'ALL' : quoteName(role)}${where}`;
}

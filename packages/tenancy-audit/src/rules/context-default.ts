/** T10: a default for the tenant setting. */
import type { Catalog, RoleSetting } from '../catalog.js';
import { contextSettings } from '../context.js';
import type { Finding } from '../finding.js';
import { reachableRoles } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { quoteName } from '../sql-text.js';
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
    return catalog.roleSettings
      .filter(
        (each) =>
          names.has(each.name.toLowerCase()) && each.value !== '' && concerns(catalog, settings, each),
      )
      .map((each) => ({
        rule: contextDefault,
        object: `${scopeOf(each)} ${each.name}`,
        evidence: `${scopeOf(each)} sets ${each.name} to '${each.value}' at every connection`,
        fix: `${alter(each)} RESET ${each.name.split('.').map(quoteName).join('.')};`,
      }));
  },
};

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

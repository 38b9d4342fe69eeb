/** T35: no time limit for the application's statements. */
import type { Catalog } from '../catalog.js';
import type { Finding } from '../finding.js';
import { findRole, loginsOf, mayExecute } from '../privileges.js';
import type { CatalogRule } from '../rule.js';
import { quoteName } from '../sql-text.js';

export const noStatementTimeout: CatalogRule = {
  id: 'T35',
  title: 'No limit on how long a statement of the application may take',
  severity: 'minor',
  why: 'One tenant’s slow query holds a connection, and a few of them the whole pool, until every other tenant waits.',
  check(catalog, settings): readonly Finding[] {
    if (catalog.server.statementTimeout !== undefined && catalog.server.statementTimeout > 0) return [];
    return settings.appRoles.flatMap((role) => {
      if (hasLimit(catalog, role) || bindsLimit(catalog, role)) return [];
      return [
        {
          rule: noStatementTimeout,
          object: `role ${role}`,
          evidence:
            'statement_timeout is set neither for the role, nor for the database or the server, nor by a function it binds its tenant with',
          ...mended(catalog, role),
        },
      ];
    });
  },
};

/** Settings belong to the login: for a role without a login, they must be set for the logins that switch to it. */
function mended(catalog: Catalog, role: string): Pick<Finding, 'fix' | 'advice'> {
  const carriers = findRole(catalog, role)?.login === true ? [role] : loginsOf(catalog, role);
  if (carriers.length === 0) return { advice: 'Set statement_timeout for the login that becomes this role.' };
  return {
    fix: carriers.map((name) => `ALTER ROLE ${quoteName(name)} SET statement_timeout = '30s';`).join('\n'),
  };
}

/** For the role, which a proxy such as PostgREST applies, for a login that switches to it, or for all. */
function hasLimit(catalog: Catalog, role: string): boolean {
  const carriers = [role, ...loginsOf(catalog, role)];
  return catalog.roleSettings.some(
    (setting) =>
      setting.name === 'statement_timeout' &&
      !/^0\D*$/.test(setting.value) &&
      (setting.role === undefined || carriers.includes(setting.role)),
  );
}

/** A function such as `tenantry.bind`, which sets it together with the tenant for each transaction. */
function bindsLimit(catalog: Catalog, role: string): boolean {
  return catalog.functions.some(
    (each) =>
      /\bSET\s+LOCAL\s+statement_timeout\b|set_config\s*\(\s*'statement_timeout'/i.test(each.body ?? '') &&
      mayExecute(catalog, role, each),
  );
}

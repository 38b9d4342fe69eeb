/** T35: statements of the application that nothing ends. */
import type { Catalog } from '../catalog.js';
import type { Finding } from '../finding.js';
import { findRole, mayExecute } from '../privileges.js';
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
          fix: `ALTER ROLE ${quoteName(role)} SET statement_timeout = '30s';`,
        },
      ];
    });
  },
};

/** For the role, for a login that becomes it (settings come with the login), or for all. */
function hasLimit(catalog: Catalog, role: string): boolean {
  const logins = catalog.roles
    .filter(
      ({ login, memberOf }) =>
        login && memberOf.some((membership) => membership.role === role && membership.mayBecome),
    )
    .map(({ name }) => name);
  // Who logs in as a superuser and steps down does not come as the application.
  const carriers = [role, ...logins.filter((name) => findRole(catalog, name)?.superuser !== true)];
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

/** T02: an application role that row-level security does not hold. */
import type { Catalog } from '../catalog.js';
import type { Finding } from '../finding.js';
import { escapeOf, reachableRoles } from '../privileges.js';
import type { CatalogRule } from '../rule.js';
import { quoteName } from '../sql-text.js';

export const exemptRole: CatalogRule = {
  id: 'T02',
  title: 'Application role that row-level security does not hold',
  severity: 'critical',
  why: 'A superuser, a role with BYPASSRLS, and whoever may become one, sees the rows of all tenants whatever the policies say.',
  check(catalog, settings): readonly Finding[] {
    return settings.appRoles.flatMap((role) => ofRole(catalog, role));
  },
};

function ofRole(catalog: Catalog, role: string): readonly Finding[] {
  const own = escapeOf(catalog, role);
  if (own !== undefined) {
    return [
      {
        rule: exemptRole,
        object: role,
        evidence: own,
        fix: `ALTER ROLE ${quoteName(role)} NOSUPERUSER NOBYPASSRLS;`,
      },
    ];
  }
  return [...reachableRoles(catalog, role)].flatMap((reached) => {
    const escape = escapeOf(catalog, reached);
    if (escape === undefined) return [];
    return [
      {
        rule: exemptRole,
        object: role,
        evidence: `${role} can act as ${reached}, and ${escape}`,
        fix: `REVOKE ${quoteName(reached)} FROM ${quoteName(role)};`,
        advice: 'Where the way leads through another role, or through CREATEROLE, cut it there.',
      },
    ];
  });
}

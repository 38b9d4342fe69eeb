/** T26: default privileges that grant future tables to the application. */
import { PUBLIC } from '../catalog.js';
import type { Finding } from '../finding.js';
import { inheritedRoles } from '../privileges.js';
import type { CatalogRule } from '../rule.js';
import { quoteName } from '../sql-text.js';

export const futureTablesGranted: CatalogRule = {
  id: 'T26',
  title: 'Future tables are granted to the application',
  severity: 'major',
  why: 'A new table is readable from its first moment, before anybody has enabled row-level security on it, or if nobody does.',
  check(catalog, settings): readonly Finding[] {
    const reached = new Set([
      PUBLIC,
      ...settings.appRoles.flatMap((role) => [...inheritedRoles(catalog, role)]),
    ]);
    return catalog.defaultPrivileges.flatMap(({ owner, schema, objects, grants }) => {
      if (objects !== 'tables' || (schema !== undefined && !settings.schemas.includes(schema))) return [];
      const grantees = [...new Set(grants.map(({ grantee }) => grantee))];
      return grantees
        .filter((grantee) => reached.has(grantee) && grantee !== owner)
        .map((grantee) => {
          const privileges = grants
            .filter((grant) => grant.grantee === grantee)
            .map(({ privilege }) => privilege);
          const where = schema === undefined ? 'in any schema' : `in schema ${schema}`;
          const to = grantee === PUBLIC ? PUBLIC : quoteName(grantee);
          const inSchema = schema === undefined ? '' : ` IN SCHEMA ${quoteName(schema)}`;
          return {
            rule: futureTablesGranted,
            object:
              schema === undefined
                ? `default privileges of ${owner}`
                : `default privileges of ${owner} in ${schema}`,
            evidence: `every table that ${owner} will make ${where} gives ${grantee} ${privileges.join(', ')}`,
            fix: `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoteName(owner)}${inSchema} REVOKE ALL ON TABLES FROM ${to};`,
            advice: 'Grant on each table, in the migration that makes and protects it.',
          };
        });
    });
  },
};

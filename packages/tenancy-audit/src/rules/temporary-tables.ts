/** T36: temporary tables of the application, which outlive a transaction on a pooled connection. */
import type { Finding } from '../finding.js';
import { findRole, inheritedRoles } from '../privileges.js';
import type { CatalogRule } from '../rule.js';
import { quoteName } from '../sql-text.js';

export const temporaryTables: CatalogRule = {
  id: 'T36',
  title: 'Application may create temporary tables',
  severity: 'minor',
  why:
    'A temporary table stays on its connection, and comes before all others of its name. What SQL injection leaves on a pooled ' +
    'connection captures the statements of the next tenant that name no schema. PostgreSQL allows it to everybody by default.',
  check(catalog, settings): readonly Finding[] {
    const { database } = catalog.server;
    const grants = catalog.databases.find(({ name }) => name === database)?.grants ?? [];
    const granted = new Set(
      grants.filter(({ privilege }) => privilege === 'TEMPORARY').map(({ grantee }) => grantee),
    );
    const holders = settings.appRoles.flatMap((role) => {
      if (findRole(catalog, role)?.superuser === true) return [];
      const through = [...inheritedRoles(catalog, role)].filter((each) => granted.has(each));
      return through.length === 0 ? [] : [{ role, through }];
    });
    if (holders.length === 0) return [];
    const grantees = [...new Set(holders.flatMap(({ through }) => through))];
    return [
      {
        rule: temporaryTables,
        object: `database ${database}`,
        evidence: holders
          .map(({ role, through }) => `${role} holds TEMPORARY, granted to ${through.join(', ')}`)
          .join('; '),
        fix: `REVOKE TEMPORARY ON DATABASE ${quoteName(database)} FROM ${grantees.map(nameOf).join(', ')};`,
        advice:
          'Roles that need temporary tables get the right by name. Write the schema of each table in the SQL of the application.',
      },
    ];
  },
};

const nameOf = (grantee: string): string => (grantee === 'PUBLIC' ? grantee : quoteName(grantee));

/** T02, T03: application roles that bypass row-level security, or could disable it. */
import { PUBLIC, type Catalog, type Relation } from '../catalog.js';
import type { Finding } from '../finding.js';
import { policiesFor } from '../policies.js';
import { escapeOf, findRole, inheritedRoles, reachableRoles } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list, quoteName } from '../sql-text.js';
import { tenantTables } from '../tenancy.js';

export const exemptRole: CatalogRule = {
  id: 'T02',
  title: 'Application role that row-level security does not hold',
  severity: 'critical',
  why: 'A superuser, a role with BYPASSRLS, and whoever may become one, sees the rows of all tenants whatever the policies say.',
  check(catalog, settings): readonly Finding[] {
    return settings.appRoles.flatMap((role) => exemptions(catalog, settings, role));
  },
};

/** A superuser needs no grants, and a role with BYPASSRLS no policies: without them it could do nothing any more. */
function mended(catalog: Catalog, settings: AuditSettings, role: string): Pick<Finding, 'fix' | 'advice'> {
  const roles = new Set([role, PUBLIC, ...inheritedRoles(catalog, role)]);
  const isReady = tenantTables(catalog, settings).every(
    ({ table }) =>
      (table.owner === role ||
        table.grants.some(({ grantee, privilege }) => roles.has(grantee) && privilege === 'SELECT')) &&
      (!table.rowSecurity || policiesFor(catalog, table, role, 'SELECT').permissive.length > 0),
  );
  if (isReady && findRole(catalog, role)?.superuser !== true) {
    return { fix: `ALTER ROLE ${quoteName(role)} NOBYPASSRLS;` };
  }
  return {
    advice:
      'Create a login for the application that is neither a superuser nor BYPASSRLS, grant it what it uses, ' +
      `and keep ${role} for migrations.`,
  };
}

function exemptions(catalog: Catalog, settings: AuditSettings, role: string): readonly Finding[] {
  const own = escapeOf(catalog, role);
  if (own !== undefined) {
    return [{ rule: exemptRole, object: role, evidence: own, ...mended(catalog, settings, role) }];
  }
  const escapes = [...reachableRoles(catalog, role)].flatMap((reached) => {
    const escape = escapeOf(catalog, reached);
    return escape === undefined ? [] : [{ reached, escape }];
  });
  if (escapes.length === 0) return [];
  // A role that can become a superuser can become every other role too.
  const superusers = escapes.filter(({ reached }) => findRole(catalog, reached)?.superuser === true);
  const counted = superusers.length > 0 ? superusers : escapes;
  const direct = new Set(findRole(catalog, role)?.memberOf.map((membership) => membership.role));
  const creates = findRole(catalog, role)?.createRole === true;
  return [
    {
      rule: exemptRole,
      object: role,
      evidence: counted.map(({ reached, escape }) => `${role} can act as ${reached}: ${escape}`).join('; '),
      fix: [
        ...(creates ? [`ALTER ROLE ${quoteName(role)} NOCREATEROLE;`] : []),
        ...counted
          .filter(({ reached }) => direct.has(reached))
          .map(({ reached }) => `REVOKE ${quoteName(reached)} FROM ${quoteName(role)};`),
      ].join('\n'),
      advice: 'Where the way leads through another role, cut it there.',
    },
  ];
}

export const owningRole: CatalogRule = {
  id: 'T03',
  title: 'Application role that owns tenant tables, or an owner whom row-level security does not hold',
  severity: 'critical',
  why: 'The owner can switch row-level security off, and without FORCE ROW LEVEL SECURITY it is not held by it at all.',
  check(catalog, settings): readonly Finding[] {
    return [...owners(catalog, settings), ...unforced(catalog, settings)];
  },
};

function owners(catalog: Catalog, settings: AuditSettings): readonly Finding[] {
  const tables = tenantTables(catalog, settings).map(({ table }) => table);
  return settings.appRoles.flatMap((role): readonly Finding[] => {
    if (escapeOf(catalog, role) !== undefined) return [];
    const reachable = reachableRoles(catalog, role);
    if ([...reachable].some((reached) => findRole(catalog, reached)?.superuser === true)) return [];
    const owned = tables.filter(
      ({ owner }) => reachable.has(owner) && escapeOf(catalog, owner) === undefined,
    );
    if (owned.length === 0) return [];
    const held = [...new Set(owned.map(({ owner }) => owner))];
    const unforcedTables = owned.filter((table) => !table.rowSecurityForced);
    const others = held.filter((owner) => owner !== role);
    return [
      {
        rule: owningRole,
        object: role,
        evidence:
          `${role} ${others.length === 0 ? 'owns' : `can act as ${list(others)}, which owns`} ` +
          list(owned.map(({ qualified }) => qualified)) +
          (unforcedTables.length > 0
            ? `; ${String(unforcedTables.length)} without FORCE ROW LEVEL SECURITY`
            : ''),
        fix:
          others.length > 0
            ? others.map((owner) => `REVOKE ${quoteName(owner)} FROM ${quoteName(role)};`).join('\n')
            : undefined,
        advice:
          others.length > 0
            ? undefined
            : 'Let a role without LOGIN own the tables (ALTER TABLE … OWNER TO …), and grant the application the DML it needs. ' +
              'Until then: ALTER TABLE … FORCE ROW LEVEL SECURITY.',
      },
    ];
  });
}

/**
 * A table without FORCE among tables with it, which also apply their policies to the owner's SECURITY DEFINER functions
 * and views.
 */
function unforced(catalog: Catalog, settings: AuditSettings): readonly Finding[] {
  const tables = tenantTables(catalog, settings)
    .map(({ table }) => table)
    .filter((table) => table.rowSecurity && !table.isPartition);
  const isForced = (table: Relation): boolean => table.rowSecurityForced;
  const forced = tables.filter(isForced).length;
  if (forced <= tables.length / 2) return [];
  return tables
    .filter((table) => !isForced(table) && escapeOf(catalog, table.owner) === undefined)
    .map((table) => ({
      rule: owningRole,
      object: table.qualified,
      evidence: `relforcerowsecurity is off, so that ${table.owner} sees every row; it is on for ${String(forced)} other tenant tables`,
      fix: `ALTER TABLE ${table.qualified} FORCE ROW LEVEL SECURITY;`,
    }));
}

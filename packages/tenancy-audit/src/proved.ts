/** What the rules over policies have shown, and what they had to assume, so that a report without findings has a meaning. */
import type { Catalog, DatabaseFunction } from './catalog.js';
import type { Finding, NotChecked } from './finding.js';
import { accessesOfFunction } from './narrowing.js';
import { assumedFunctions, callerOf, gradeOf, judgedRoles } from './policies.js';
import { appliesTo, mayUse } from './privileges.js';
import type { AuditSettings } from './rule.js';
import { list } from './sql-text.js';
import { tenantTables, type TenantTable } from './tenancy.js';

export interface Proof {
  readonly proved: readonly string[];
  readonly notChecked: readonly NotChecked[];
}

/** @param findings of the rules over the catalog */
export function proofOf(catalog: Catalog, settings: AuditSettings, findings: readonly Finding[]): Proof {
  const tables = tenantTables(catalog, settings).filter(
    ({ table }) =>
      table.parents.length === 0 &&
      (settings.appRoles.length === 0 ||
        settings.appRoles.some((role) =>
          mayUse(catalog, role, table, 'SELECT', 'INSERT', 'UPDATE', 'DELETE'),
        )),
  );
  const critical = findings.filter(({ rule }) => rule.severity === 'critical').map(({ object }) => object);
  const isClean = ({ table }: TenantTable): boolean =>
    table.rowSecurity &&
    !critical.some((object) => object === table.qualified || object.startsWith(`${table.qualified}.`));
  const clean = tables.filter(isClean);
  const assumptions = clean.map((tenant) => ({ tenant, assumed: assumed(catalog, settings, tenant) }));
  const proven = assumptions.filter(({ assumed: { length } }) => length === 0);
  const roles = settings.appRoles.length === 0 ? 'every role' : list(settings.appRoles);
  return {
    proved:
      tables.length === 0
        ? []
        : [
            `${String(proven.length)} of ${String(tables.length)} tenant tables that the application uses: row-level security is on, ` +
              `and each policy that decides for ${roles} compares the row with the caller, evaluated with a tenant bound and without.`,
          ],
    notChecked: assumptions.flatMap(({ assumed: found }) => found),
  };
}

function assumed(catalog: Catalog, settings: AuditSettings, { table }: TenantTable): readonly NotChecked[] {
  const roles = judgedRoles(catalog, settings, table);
  return table.policies.flatMap((policy) => {
    const concerned = roles.filter((role) => appliesTo(catalog, policy, role));
    if (!policy.permissive || concerned.length === 0) return [];
    const expressions = [policy.using, policy.check].flatMap((each) => each ?? []);
    const functions = new Set(
      expressions.flatMap((each) => assumedFunctions(catalog, settings, table, each)),
    );
    const isPrivileged = expressions.some((each) =>
      concerned.some(
        (role) => gradeOf(catalog, settings, table, each, callerOf(catalog, role)) === 'privileged',
      ),
    );
    return [
      ...(isPrivileged
        ? [
            {
              rule: 'T04',
              object: policy.qualified,
              reason: 'it opens every row for callers that it picks out: read whom',
            },
          ]
        : []),
      ...[...functions]
        .filter((each) => !asksCallerOnly(catalog, settings, each))
        .map(({ signature }) => ({
          rule: 'T04',
          object: policy.qualified,
          reason: `it relies on ${signature}, whose body is not a single expression: read whether it compares the row with the caller`,
        })),
    ];
  });
}

/** A query of SQL, such as the tenants of the caller, each part of which filters by the caller. */
function asksCallerOnly(catalog: Catalog, settings: AuditSettings, target: DatabaseFunction): boolean {
  const accesses = target.language === 'sql' ? accessesOfFunction(catalog, settings, target) : undefined;
  return (
    accesses !== undefined &&
    accesses.length > 0 &&
    accesses.every(({ narrowing, perhapsChecked }) => narrowing === 'context' && !perhapsChecked)
  );
}

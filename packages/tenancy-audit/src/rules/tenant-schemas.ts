/**
 * T13: with a schema or database per tenant, only privileges separate tenants. Nothing limits a role that may use the
 * schemas of several tenants.
 */
import type { Catalog, Grant } from '../catalog.js';
import type { Finding } from '../finding.js';
import { escapeOf, inheritedRoles, maySee } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list, quoteName } from '../sql-text.js';
import { isTable, tenantColumnOf } from '../tenancy.js';

export const reachesTenantSchemas: CatalogRule = {
  id: 'T13',
  title: 'Role that may use the schemas or databases of several tenants',
  severity: 'critical',
  why: 'One wrong search_path or connection string, and a tenant’s request works on another tenant’s data.',
  check(catalog, settings): readonly Finding[] {
    return [...schemaFindings(catalog, settings), ...databaseFindings(catalog, settings)];
  },
};

function schemaFindings(catalog: Catalog, settings: AuditSettings): readonly Finding[] {
  const schemas = tenantSchemas(catalog, settings);
  if (schemas.length < 2) return [];
  return judged(catalog, settings, schemas).flatMap((role): readonly Finding[] => {
    const usable = schemas.filter((schema) => maySee(catalog, role, schema));
    if (usable.length < 2) return [];
    const others = usable.filter((schema) => !role.includes(schema) && !schema.includes(role));
    return [
      {
        rule: reachesTenantSchemas,
        object: role,
        evidence: `${role} has USAGE on ${String(usable.length)} of ${String(schemas.length)} tenants’ schemas: ${list(usable)}`,
        fix: others
          .map((schema) => `REVOKE USAGE ON SCHEMA ${quoteName(schema)} FROM PUBLIC, ${quoteName(role)};`)
          .join('\n'),
        advice:
          'Let each tenant’s transactions act as a role that may use that tenant’s schema alone (SET LOCAL ROLE).',
      },
    ];
  });
}

/** At least two schemas with mostly the same tables, without a tenant column. */
export function tenantSchemas(catalog: Catalog, settings: AuditSettings): readonly string[] {
  const tables = new Map<string, Set<string>>();
  for (const relation of catalog.relations) {
    if (!settings.schemas.includes(relation.schema) || !isTable(relation) || relation.extension !== undefined)
      continue;
    if (tenantColumnOf(relation, settings)) continue;
    const names = tables.get(relation.schema) ?? new Set<string>();
    tables.set(relation.schema, names.add(relation.name));
  }
  const alike = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => {
    const common = [...a].filter((name) => b.has(name)).length;
    return common >= 2 && common / Math.max(a.size, b.size) >= 0.7;
  };
  return [...tables]
    .filter(([schema, own]) => [...tables].some(([other, names]) => other !== schema && alike(own, names)))
    .map(([schema]) => schema)
    .sort();
}

/** The application's roles, and logins that have grants on a tenant's schema but do not own all of them. */
function judged(catalog: Catalog, settings: AuditSettings, schemas: readonly string[]): readonly string[] {
  const owners = new Set(
    catalog.schemas.filter(({ name }) => schemas.includes(name)).map(({ owner }) => owner),
  );
  const named = catalog.schemas
    .filter(({ name }) => schemas.includes(name))
    .flatMap(({ grants }) => grants.map(({ grantee }) => grantee));
  const logins = catalog.roles
    .filter(({ name, login }) => login && escapeOf(catalog, name) === undefined)
    .filter(({ name }) => {
      const roles = inheritedRoles(catalog, name);
      return named.some((each) => roles.has(each)) && ![...owners].every((owner) => roles.has(owner));
    })
    .map(({ name }) => name);
  return [...new Set([...settings.appRoles, ...logins])];
}

const TENANT_DATABASE = /^(.*(?:tenant|customer|client|org|account|company|workspace|shop)s?)[_-]./i;

function databaseFindings(catalog: Catalog, settings: AuditSettings): readonly Finding[] {
  const prefix = TENANT_DATABASE.exec(catalog.server.database)?.[1];
  if (prefix === undefined) return [];
  const siblings = catalog.databases.filter(({ name }) => TENANT_DATABASE.exec(name)?.[1] === prefix);
  if (siblings.length < 2) return [];
  return settings.appRoles.flatMap((role): readonly Finding[] => {
    const roles = inheritedRoles(catalog, role);
    const connects = ({ grants }: { grants: readonly Grant[] }): boolean =>
      grants.some(({ grantee, privilege }) => privilege === 'CONNECT' && roles.has(grantee));
    const others = siblings.filter((each) => each.name !== catalog.server.database && connects(each));
    if (others.length === 0) return [];
    return [
      {
        rule: reachesTenantSchemas,
        object: role,
        evidence: `${role} may also CONNECT to ${list(others.map(({ name }) => name))}`,
        fix: others
          .map(({ name }) => `REVOKE CONNECT ON DATABASE ${quoteName(name)} FROM PUBLIC, ${quoteName(role)};`)
          .join('\n'),
      },
    ];
  });
}

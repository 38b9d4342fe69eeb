/**
 * A rule of the audit is a pure function of the catalog. It runs no queries, so the audit of a large database needs
 * only a few, and the arguments determine the result.
 */
import type { Catalog } from './catalog.js';
import type { Finding, NotChecked, Rule } from './finding.js';

/** The settings of the audit, given by options or detected (`detect-settings.ts`). */
export interface AuditSettings {
  /** The names of the tenant column. Usually one. */
  readonly tenantColumns: readonly string[];
  /** The tenant columns with other names, by table: they reference the table of the tenants. */
  readonly otherColumns: Readonly<Record<string, string>>;
  /** The table of the tenants, `public.tenants`; undefined when there is none. */
  readonly tenantsTable: string | undefined;
  /** Tables whose rows may belong to several tenants, such as users: a tenant column there has the selected tenant. */
  readonly memberTables: readonly string[];
  /** The settings with the tenant, `app.current_tenant`. Empty when the context is not a setting. */
  readonly tenantSettings: readonly string[];
  /** The roles that the application connects as or switches to. */
  readonly appRoles: readonly string[];
  /** The audited schemas. */
  readonly schemas: readonly string[];
  /** Tables for all tenants, `public.countries` or `countries`. */
  readonly sharedTables: readonly string[];
}

/** A rule over the catalog of a live database. */
export interface CatalogRule extends Rule {
  check(catalog: Catalog, settings: AuditSettings): readonly Finding[];
  /** What this rule could not check in this database. */
  notChecked?(catalog: Catalog, settings: AuditSettings): readonly Omit<NotChecked, 'rule'>[];
}

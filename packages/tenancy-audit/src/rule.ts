/**
 * What a rule of the audit is: a pure function over the catalog. It reads nothing itself, so that the audit of a large
 * database costs a handful of queries, and a rule can be understood from its arguments.
 */
import type { Catalog } from './catalog.js';
import type { Finding, NotChecked, Rule } from './finding.js';

/** What the audit takes for granted about the database: given by option, or detected (`detect-settings.ts`). */
export interface AuditSettings {
  /** The names of the column that says whose a row is. Usually one. */
  readonly tenantColumns: readonly string[];
  /** The table of the tenants, `public.tenants`; undefined when there is none. */
  readonly tenantsTable: string | undefined;
  /** Tables of what may belong to several tenants, such as users: a tenant column there is no more than a choice. */
  readonly memberTables: readonly string[];
  /** The settings that carry the tenant, `app.current_tenant`. Empty where the context is no setting. */
  readonly tenantSettings: readonly string[];
  /** What the application connects as, or acts as after connecting. */
  readonly appRoles: readonly string[];
  /** The schemas that are looked at. */
  readonly schemas: readonly string[];
  /** Tables that are meant for all tenants, `public.countries` or `countries`. */
  readonly sharedTables: readonly string[];
}

/** A rule over the catalog of a live database. */
export interface CatalogRule extends Rule {
  check(catalog: Catalog, settings: AuditSettings): readonly Finding[];
  /** What this rule could not look at in this database. */
  notChecked?(catalog: Catalog, settings: AuditSettings): readonly Omit<NotChecked, 'rule'>[];
}

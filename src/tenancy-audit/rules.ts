/** The rules over the catalog, in the order of their ids. A new rule is a file in `rules/` and a line here. */
import type { Rule } from './finding.js';
import { PROBES } from './probes/rules.js';
import type { CatalogRule } from './rule.js';
import { exemptRole, owningRole } from './rules/application-role.js';
import { contextDefault } from './rules/context-default.js';
import { crossTenantRows } from './rules/cross-tenant-rows.js';
import { definerFunction } from './rules/definer-functions.js';
import { looseForeignKey, looseUniqueKey } from './rules/keys.js';
import { immutableContext, openPolicy, opensWithoutTenant, weakCheck } from './rules/policies.js';
import { rowSecurityOff } from './rules/row-security-off.js';
import { mutableAuditLog, widePrivileges } from './rules/table-privileges.js';
import { looseTenantColumn, noTenantColumn } from './rules/tenant-column.js';
import { reachesTenantSchemas } from './rules/tenant-schemas.js';
import { SOURCE_RULES } from './source/rules/index.js';
import { ownersView, unprotectedCopy } from './rules/views.js';

export const CATALOG_RULES: readonly CatalogRule[] = [
  rowSecurityOff,
  exemptRole,
  owningRole,
  openPolicy,
  opensWithoutTenant,
  weakCheck,
  ownersView,
  unprotectedCopy,
  definerFunction,
  contextDefault,
  immutableContext,
  reachesTenantSchemas,
  looseForeignKey,
  looseUniqueKey,
  looseTenantColumn,
  noTenantColumn,
  widePrivileges,
  mutableAuditLog,
];

/** Every rule there is, for the outputs and the documentation. */
export const ALL_RULES: readonly Rule[] = [
  ...[...CATALOG_RULES, crossTenantRows].sort((a, b) => (a.id < b.id ? -1 : 1)),
  ...PROBES,
  ...SOURCE_RULES,
];

/** The rules over the catalog, in the order of their ids. A new rule is a file in `rules/` and a line here. */
import type { CatalogRule } from './rule.js';
import { exemptRole, owningRole } from './rules/application-role.js';
import { contextDefault } from './rules/context-default.js';
import { definerFunction } from './rules/definer-functions.js';
import { looseForeignKey, looseUniqueKey } from './rules/keys.js';
import { immutableContext, openPolicy, opensWithoutTenant } from './rules/policies.js';
import { weakCheck } from './rules/weak-check.js';
import { rowSecurityOff } from './rules/row-security-off.js';
import { mutableAuditLog, widePrivileges } from './rules/table-privileges.js';
import { looseTenantColumn, noTenantColumn } from './rules/tenant-column.js';
import { reachesTenantSchemas } from './rules/tenant-schemas.js';
import { ownersView, unprotectedCopy } from './rules/views.js';
import { futureTablesGranted } from './rules/default-privileges.js';
import { userLeakproof } from './rules/leakproof.js';
import { openPartition } from './rules/partitions.js';
import { castWithoutNullif, evaluatedPerRow } from './rules/setting-reads.js';
import { disagreeingSettings, fragileKey } from './rules/policy-comparisons.js';
import { noPermissivePolicy, redundantPolicy } from './rules/policy-sets.js';
import { unprotectedSource } from './rules/policy-sources.js';
import { unfilteredPublication } from './rules/publications.js';
import { schemaDrift } from './rules/schema-drift.js';
import { unpinnedSearchPath } from './rules/search-path.js';
import { serverLacksFixes } from './rules/server-fixes.js';
import { localTimeZone, unusualDates } from './rules/session-settings.js';
import { noStatementTimeout } from './rules/statement-timeout.js';
import { temporaryTables } from './rules/temporary-tables.js';
import { bindsSession, runsText } from './rules/functions-at-run-time.js';
import { writableSharedRows } from './rules/shared-rows.js';
import { rightsInOwnRow, userWrittenClaim } from './rules/user-written-rights.js';
import { noTenantIndex } from './rules/tenant-index.js';
import { restingGuard, switchedOff } from './rules/trigger-modes.js';

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
  openPartition,
  unprotectedSource,
  fragileKey,
  disagreeingSettings,
  castWithoutNullif,
  unfilteredPublication,
  futureTablesGranted,
  unpinnedSearchPath,
  serverLacksFixes,
  schemaDrift,
  noTenantIndex,
  evaluatedPerRow,
  noPermissivePolicy,
  userLeakproof,
  redundantPolicy,
  noStatementTimeout,
  temporaryTables,
  localTimeZone,
  unusualDates,
  restingGuard,
  switchedOff,
  userWrittenClaim,
  rightsInOwnRow,
  writableSharedRows,
  bindsSession,
  runsText,
];

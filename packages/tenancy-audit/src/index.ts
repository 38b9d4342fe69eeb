/** The audit as a function. The command is `tenantry-audit` (main.ts), for other command lines `tenantry-audit/command`. */
export {
  audit,
  auditCatalog,
  type Accepted,
  type AuditReport,
  type AuditRequest,
  type CatalogReport,
  type Probes,
} from './audit.js';
export { BaselineError, parseBaseline, type Acceptance } from './baseline.js';
export { AuditConnectionError } from './connection.js';
export { UnknownRoleError, type GivenSettings } from './detect-settings.js';
export { type Detection } from './detection.js';
export { fingerprintOf, type Finding, type NotChecked, type Rule, type Severity } from './finding.js';
export { asMigration } from './fix-sql.js';
export { asJson } from './output/json.js';
export { asMarkdown } from './output/markdown.js';
export { asSarif } from './output/sarif.js';
export { asTable } from './output/table.js';
export type { Context, SignContext } from './probes/bind.js';
export { ALL_RULES } from './all-rules.js';

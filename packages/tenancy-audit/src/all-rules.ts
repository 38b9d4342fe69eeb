/**
 * All rules, for the outputs and the documentation. It imports those over code, and with them TypeScript's parser, so
 * nothing that every run loads may import it.
 */
import type { Rule } from './finding.js';
import { PROBES } from './probes/rules.js';
import { CATALOG_RULES } from './rules.js';
import { CITUS_RULES } from './rules/citus.js';
import { crossTenantRows } from './rules/cross-tenant-rows.js';
import { SOURCE_RULES } from './source/rules/index.js';

export const ALL_RULES: readonly Rule[] = [
  ...[...CATALOG_RULES, crossTenantRows].sort((a, b) => (a.id < b.id ? -1 : 1)),
  ...PROBES,
  ...SOURCE_RULES,
  ...CITUS_RULES,
];

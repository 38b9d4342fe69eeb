/** The rules over the catalog, in the order of their ids. A new rule is a file in `rules/` and a line here. */
import type { CatalogRule } from './rule.js';
import { exemptRole } from './rules/application-role.js';
import { rowSecurityOff } from './rules/row-security-off.js';

export const CATALOG_RULES: readonly CatalogRule[] = [rowSecurityOff, exemptRole];

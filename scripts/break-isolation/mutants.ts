/** All mutants, in the order of the table. */
import {
  auditLog,
  beforeATenant,
  context,
  keysAndDefaults,
  rolesAndGrants,
  rowLevelSecurity,
} from './database-mutants.js';
import { documents } from './document-mutants.js';
import type { MutantGroup } from './mutant.js';
import { pool } from './pool-mutants.js';
import { callers, guards, remembered, subscriptions } from './request-mutants.js';
import { binding, filter } from './tenancy-mutants.js';

export const MUTANTS: readonly MutantGroup[] = [
  rowLevelSecurity,
  rolesAndGrants,
  keysAndDefaults,
  auditLog,
  context,
  beforeATenant,
  filter,
  binding,
  pool,
  callers,
  remembered,
  guards,
  documents,
  subscriptions,
];

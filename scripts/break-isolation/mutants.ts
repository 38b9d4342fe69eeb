/** All mutants, in the order of the table. */
import {
  auditLog,
  beforeATenant,
  context,
  keysAndDefaults,
  rolesAndGrants,
  rowLevelSecurity,
  sessions,
} from './database-mutants.js';
import type { MutantGroup } from './mutant.js';
import { callers, guards, remembered, subscriptions } from './request-mutants.js';
import { binding, filter } from './tenancy-mutants.js';

export const MUTANTS: readonly MutantGroup[] = [
  rowLevelSecurity,
  rolesAndGrants,
  keysAndDefaults,
  auditLog,
  context,
  beforeATenant,
  sessions,
  filter,
  binding,
  callers,
  remembered,
  guards,
  subscriptions,
];

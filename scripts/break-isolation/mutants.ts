/** All mutants, in the order of the table. */
import { answers } from './answer-mutants.js';
import {
  auditLog,
  beforeATenant,
  context,
  keysAndDefaults,
  rolesAndGrants,
  rowLevelSecurity,
  sessions,
} from './database-mutants.js';
import { documents } from './document-mutants.js';
import { extension } from './extension-mutants.js';
import type { MutantGroup } from './mutant.js';
import { pool } from './pool-mutants.js';
import { callers, guards, remembered, subscriptions } from './request-mutants.js';
import { binding, deadlines, filter } from './tenancy-mutants.js';

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
  extension,
  pool,
  deadlines,
  callers,
  remembered,
  guards,
  documents,
  subscriptions,
  answers,
];

/** All mutants, in the order of the table. */
import { answers } from './answer-mutants.js';
import { besideASoundDatabase } from './audit-mutants.js';
import { auditTrail } from './audit-trail-mutants.js';
import { cells } from './cell-mutants.js';
import { contract } from './contract-mutants.js';
import {
  auditLog,
  beforeATenant,
  context,
  keysAndDefaults,
  rolesAndGrants,
  rowLevelSecurity,
  sessions,
} from './database-mutants.js';
import { dashboard } from './dashboard-mutants.js';
import { documents } from './document-mutants.js';
import { extension } from './extension-mutants.js';
import { jobs } from './job-mutants.js';
import { lifecycle } from './lifecycle-mutants.js';
import type { MutantGroup } from './mutant.js';
import { lookAhead } from './look-ahead-mutants.js';
import { objectsByTheirIds } from './node-mutants.js';
import { impersonations, operators, settings, suspension } from './operator-mutants.js';
import { outgoing } from './outgoing-mutants.js';
import { pool } from './pool-mutants.js';
import { replica } from './replica-mutants.js';
import { rates } from './rate-mutants.js';
import { quotas } from './quota-mutants.js';
import { schemas } from './schema-mutants.js';
import { usage } from './usage-mutants.js';
import { callers, guards, remembered, subscriptions } from './request-mutants.js';
import { binding, deadlines, filter } from './tenancy-mutants.js';

export const MUTANTS: readonly MutantGroup[] = [
  rowLevelSecurity,
  rolesAndGrants,
  keysAndDefaults,
  besideASoundDatabase,
  auditLog,
  auditTrail,
  context,
  beforeATenant,
  sessions,
  filter,
  binding,
  extension,
  pool,
  replica,
  deadlines,
  callers,
  remembered,
  guards,
  objectsByTheirIds,
  lookAhead,
  documents,
  subscriptions,
  answers,
  contract,
  rates,
  quotas,
  usage,
  jobs,
  outgoing,
  suspension,
  operators,
  impersonations,
  settings,
  lifecycle,
  cells,
  schemas,
  dashboard,
];

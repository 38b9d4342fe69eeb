/** The rules of the live probes. */
import type { Rule } from '../finding.js';

export const FOREIGN_ROWS: Rule = {
  id: 'P01',
  title: 'Rows of another tenant are readable',
  severity: 'critical',
  why: 'The application’s role, bound to one tenant, was given rows of another: no forgotten filter is needed any more.',
};

export const FOREIGN_ROWS_FROM_FUNCTION: Rule = {
  id: 'P02',
  title: 'A function returns rows of another tenant',
  severity: 'critical',
  why: 'The application’s role, bound to one tenant, called a function and was given rows of another.',
};

export const ROWS_WITHOUT_TENANT: Rule = {
  id: 'P03',
  title: 'Rows are readable without a tenant',
  severity: 'critical',
  why: 'A request that forgets to bind a tenant must get an error or nothing. Here it gets rows.',
};

export const ROWS_WITH_INVALID_TENANT: Rule = {
  id: 'P04',
  title: 'Rows are readable with a tenant that is none',
  severity: 'critical',
  why: 'A tenant that is empty, malformed, a wildcard or unknown must give an error or nothing. Here it gives rows.',
};

export const PLAN_REMEMBERS_TENANT: Rule = {
  id: 'P05',
  title: 'A prepared statement remembers the tenant it was planned for',
  severity: 'critical',
  why:
    'Pooled connections keep their prepared statements. One that was planned for a tenant gives that tenant’s rows to ' +
    'whoever executes it next.',
};

export const BINDING_OUTLIVES_TRANSACTION: Rule = {
  id: 'P06',
  title: 'The tenant outlives its transaction',
  severity: 'critical',
  why: 'The next user of a pooled connection that binds no tenant works as the one that is left over.',
};

export const PROBES: readonly Rule[] = [
  FOREIGN_ROWS,
  FOREIGN_ROWS_FROM_FUNCTION,
  ROWS_WITHOUT_TENANT,
  ROWS_WITH_INVALID_TENANT,
  PLAN_REMEMBERS_TENANT,
  BINDING_OUTLIVES_TRANSACTION,
];

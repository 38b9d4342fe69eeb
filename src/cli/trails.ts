/** The trails of the tenants that a command was given. */
import process from 'node:process';
import type pg from 'pg';
import { ConfigError } from '../kernel/config/config-error.js';
import type { TrailQuery } from '../services/audit-trail/trail-rows.js';
import type { OperatorConnection, OperatorQuery } from '../services/operator/operator-connection.js';
import { findTenant, listTenants, type TenantRow } from '../services/operator/tenants.js';
import { asOperatorOf, inEachCell } from './as-operator.js';

type Each = (connection: OperatorConnection) => Promise<void>;

/** The option of commands that work for all tenants unless one is named. */
export interface Chosen {
  readonly tenant?: string;
}

export interface TenantTrail {
  readonly tenant: TenantRow;
  /** Runs `work` in one transaction, bound to the tenant. */
  readonly inTenant: <Result>(work: (query: TrailQuery) => Promise<Result>) => Promise<Result>;
}

/**
 * Runs `work` for the chosen tenants, one after the other. What fails for one of several keeps no other one from its turn:
 * it is reported at the end, with exit status 1.
 *
 * @throws as `asOperatorOf` does, the errors of `work` for a single tenant, and each ConfigError of it
 */
export const eachTrail = (
  { tenant: slug }: Chosen,
  work: (trail: TenantTrail) => Promise<void>,
): Promise<void> =>
  (slug === undefined ? inEachCell : (each: Each) => asOperatorOf(slug, each))(async (connection) => {
    const tenants = slug === undefined ? await listTenants(connection) : [await findTenant(connection, slug)];
    if (tenants.length === 0) process.stderr.write('There are no tenants.\n');
    const failures: string[] = [];
    for (const tenant of tenants) {
      try {
        await work({ tenant, inTenant: binding(connection, tenant) });
      } catch (error) {
        // A wrong configuration is wrong for all.
        if (slug !== undefined || error instanceof ConfigError) throw error;
        const { explain } = await import('../explain.js');
        failures.push(`${tenant.slug}: ${explain(error)}\n`);
      }
    }
    for (const failure of failures) process.stderr.write(failure);
    if (failures.length > 0) process.exitCode = 1;
  });

const binding =
  (connection: OperatorConnection, { id }: TenantRow): TenantTrail['inTenant'] =>
  (work) =>
    connection.inTenant(id, (query) => work(reading(query)));

const reading =
  (query: OperatorQuery): TrailQuery =>
  <Row extends object>(sql: { readonly text: string; readonly values: readonly unknown[] }) =>
    query<Row & pg.QueryResultRow>(sql.text, sql.values);

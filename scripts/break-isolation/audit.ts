/** Asks `tenantry audit` what it finds in a database that a mutant has broken. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbedded } from '../../src/database/embedded.js';
import { migrate } from '../../src/database/prepare.js';
import { auditTransaction } from '../../src/tenancy-audit/audit.js';
import { breakingSql, type Mutant } from './mutant.js';
import { FallenBehind } from './working-copy.js';

/** The ids of the rules that notice; empty when none does. Undefined of a mutant that leaves the database alone. */
export type Audit = (mutant: Mutant) => Promise<readonly string[] | undefined>;

/**
 * Gives `work` an audit on a server and a database of its own, migrated and unbroken. A mutant is made and audited in a
 * transaction that is rolled back, roles and all.
 *
 * @throws Error when the audit finds something in the unbroken database, or when a mutant's SQL no longer fits
 */
export async function withAudit<Result>(work: (audit: Audit) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-mutant-database-'));
  const server = await startEmbedded(folder, { durable: false });
  const client = new pg.Client({ connectionString: server.superuser });
  try {
    await migrate({ owner: server.superuser, app: server.app, operator: server.operator });
    await client.connect();
    const control = await rulesThatNotice(client, '');
    if (control.length > 0) throw new Error(`the audit finds ${control.join(', ')} in the unbroken database`);
    return await work(async (mutant) => {
      const sql = breakingSql(mutant);
      if (sql === undefined) return undefined;
      try {
        return await rulesThatNotice(client, sql);
      } catch (error) {
        if (error instanceof pg.DatabaseError) throw new FallenBehind(`${mutant.name}: ${error.message}`);
        throw error;
      }
    });
  } finally {
    await client.end();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function rulesThatNotice(client: pg.Client, sql: string): Promise<readonly string[]> {
  await client.query('BEGIN');
  try {
    await client.query(sql);
    const { findings } = await auditTransaction(client, { appRoles: ['tenantry_app'] });
    return [...new Set(findings.map(({ rule }) => rule.id))].sort();
  } finally {
    await client.query('ROLLBACK');
  }
}

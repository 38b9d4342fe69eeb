/** Runs `tenantry audit` on a mutant: on the catalog of its database, with live probes, and on its code. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { audit } from 'tenantry-audit';
import { startEmbedded } from '@tenantry/embedded-postgres';
import { withClient, withDatabase } from '../../src/kernel/database/owner-connection.js';
import { migrate } from '../../src/kernel/database/preparation/prepare.js';
import { modules } from '../../src/modules.js';
import { seedDemo } from '../../src/services/operator/demo-seed.js';
import { withOperatorConnection } from '../../src/services/operator/operator-connection.js';
import { LIMITS } from '../../src/create-services.js';
import { openDatabase } from '../../src/kernel/tenancy/database.js';
import { breakingSql, type Mutant } from './mutant.js';
import { FallenBehind } from './working-copy.js';

export interface Auditor {
  /** @throws FallenBehind when the mutant's SQL no longer fits the database */
  tryOn(mutant: Mutant): Promise<void>;
  /**
   * The ids of the rules that notice; undefined for a mutant that changes no database and that no rule for code must
   * notice.
   *
   * @param folder the copy with the mutant
   */
  audit(mutant: Mutant, folder: string): Promise<readonly string[] | undefined>;
}

interface Server {
  readonly superuser: string;
  readonly app: string;
}

const TEMPLATE = 'mutants_template';
const BROKEN = 'mutant';

/**
 * Runs `work` with an auditor that has its own database server.
 *
 * @param folder a working tree without a mutant
 * @throws Error when the audit finds something without a mutant
 */
export async function withAuditor<Result>(
  folder: string,
  work: (auditor: Auditor) => Promise<Result>,
): Promise<Result> {
  const data = await mkdtemp(join(tmpdir(), 'tenantry-mutant-database-'));
  const server = await startEmbedded(data, { durable: false });
  try {
    const [superuser, app, operator] = [server.superuser, server.app, server.operator].map((url) =>
      withDatabase(url, TEMPLATE),
    ) as [string, string, string];
    await migrate({ owner: superuser, app, operator });
    const database = openDatabase({ url: app, poolSize: 2, limits: LIMITS });
    await withOperatorConnection({ url: operator, operator: 'demo-seed' }, (connection) =>
      seedDemo(connection, database, modules),
    );
    await database.close();

    const unbroken = await rulesThatNotice(server, '', join(folder, 'src'));
    if (unbroken.length > 0) throw new Error(`without a mutant, the audit finds ${unbroken.join(', ')}`);
    return await work({
      tryOn: (mutant) => tryOn(superuser, mutant),
      audit: async (mutant, copy) => {
        const sql = breakingSql(mutant);
        // Reading all code takes seconds, so only for mutants that a rule for code must notice.
        const isInCode = mutant.audit?.some((rule) => rule.startsWith('S')) ?? false;
        const source = isInCode ? join(copy, 'src') : undefined;
        if (sql === undefined && source === undefined) return undefined;
        return rulesThatNotice(server, sql ?? '', source, mutant.undoSql);
      },
    });
  } finally {
    await server.stop();
    await rm(data, { recursive: true, force: true });
  }
}

async function tryOn(url: string, mutant: Mutant): Promise<void> {
  const sql = breakingSql(mutant);
  if (sql === undefined) return;
  await withClient(url, async (client) => {
    await client.query('BEGIN');
    await client.query(sql).catch((error: unknown) => {
      throw new FallenBehind(`${mutant.name}: ${error instanceof Error ? error.message : String(error)}`);
    });
    await client.query('ROLLBACK');
  });
}

/** Breaks a clone of the template with `sql` and audits it; `undo` reverts changes beyond the database. */
async function rulesThatNotice(
  { superuser, app }: Server,
  sql: string,
  source: string | undefined,
  undo = '',
): Promise<readonly string[]> {
  const maintenance = new pg.Client({ connectionString: superuser });
  await maintenance.connect();
  try {
    await maintenance.query(`CREATE DATABASE ${BROKEN} TEMPLATE ${TEMPLATE}`);
    // A clone has the privileges of a new database, not those of the template.
    await maintenance.query(`REVOKE TEMPORARY ON DATABASE ${BROKEN} FROM PUBLIC`);
    const url = withDatabase(superuser, BROKEN);
    await withClient(url, (client) => client.query(`BEGIN; ${sql}; COMMIT`));
    const { findings } = await audit({
      url,
      given: { appRoles: ['tenantry_app'] },
      probes: { applicationUrl: withDatabase(app, BROKEN), thorough: true },
      source,
    });
    return [...new Set(findings.map(({ rule }) => rule.id))].sort();
  } finally {
    await maintenance.query(undo);
    await maintenance.query(`DROP DATABASE IF EXISTS ${BROKEN} WITH (FORCE)`);
    await maintenance.end();
  }
}

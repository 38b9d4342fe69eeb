/**
 * A database that the tests of the audit break. Each case runs inside a transaction that is rolled back, together with
 * its roles. So one clone serves hundreds of broken databases.
 */
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { auditCatalog, type CatalogReport } from '../src/audit.js';
import type { GivenSettings } from '../src/detect-settings.js';
import { useDatabase, type TestDatabase } from '../../../test/support/database.js';

export interface AuditedDatabase {
  /** Audits the database after these statements, which run as the superuser. */
  after(sql: string, given?: GivenSettings): Promise<CatalogReport>;
  /** Runs `work` in a superuser's transaction that is rolled back. */
  broken<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result>;
  readonly clone: () => TestDatabase;
}

/** Call it at the top level. */
export function useAuditedDatabase(): AuditedDatabase {
  const clone = useDatabase();
  let client: pg.Client | undefined;
  beforeAll(async () => {
    client = new pg.Client({ connectionString: clone().superuser });
    await client.connect();
  });
  afterAll(() => client?.end());
  const broken: AuditedDatabase['broken'] = async (work) => {
    if (!client) throw new Error('the database exists in tests only');
    await client.query('BEGIN');
    try {
      return await work(client);
    } finally {
      await client.query('ROLLBACK');
    }
  };
  return {
    clone,
    broken,
    after: (sql, given = {}) =>
      broken(async (connection) => {
        await connection.query(sql);
        return (await auditCatalog(connection, given)).report;
      }),
  };
}

/**
 * The findings as lines of rule and object: `T04 public.notes.open`. Without T28, which depends on the server's version
 * and has its own test.
 */
export function linesOf(report: Pick<CatalogReport, 'findings'>): readonly string[] {
  return report.findings
    .filter(({ rule }) => rule.id !== 'T28')
    .map(({ rule, object }) => `${rule.id} ${object}`);
}

/**
 * A database to break for the tenancy audit: each case runs on one connection inside a transaction that is rolled back,
 * roles included, so that hundreds of broken databases cost one clone.
 */
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { auditCatalog, type CatalogReport } from '../../src/tenancy-audit/audit.js';
import type { GivenSettings } from '../../src/tenancy-audit/detect-settings.js';
import { useDatabase } from './database.js';

export interface AuditedDatabase {
  /** What the audit says of the database after these statements, run as the superuser. */
  after(sql: string, given?: GivenSettings): Promise<CatalogReport>;
}

/** Call it at the top level. */
export function useAuditedDatabase(): AuditedDatabase {
  const database = useDatabase();
  let client: pg.Client | undefined;
  beforeAll(async () => {
    client = new pg.Client({ connectionString: database().superuser });
    await client.connect();
  });
  afterAll(() => client?.end());
  return {
    async after(sql, given = {}) {
      if (!client) throw new Error('the database exists in tests only');
      await client.query('BEGIN');
      try {
        await client.query(sql);
        return (await auditCatalog(client, given)).report;
      } finally {
        await client.query('ROLLBACK');
      }
    },
  };
}

/** Who broke what, in one line each: `T04 public.notes.open`. T28 depends on the server, and is tested by itself. */
export function linesOf(report: CatalogReport): readonly string[] {
  return report.findings
    .filter(({ rule }) => rule.id !== 'T28')
    .map(({ rule, object }) => `${rule.id} ${object}`);
}

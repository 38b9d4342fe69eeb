import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject, afterAll, beforeAll } from 'vitest';
import { withDatabase as onDatabase } from '../../src/kernel/database/owner-connection.js';
import { createSign, type Sign } from '../../src/kernel/database/context-signature.js';
import { openDatabase, type Database, type DatabaseOptions } from '../../src/kernel/tenancy/database.js';

/** A database of one test file: a clone of the migrated template with the demo tenants acme and globex. */
export interface TestDatabase {
  readonly name: string;
  /** URLs as each of the roles. */
  readonly superuser: string;
  readonly app: string;
  readonly operator: string;
  /** What contexts are signed with in it; undefined when they are not. */
  readonly contextKey: string | undefined;
  /** Runs a statement as the superuser, whom row-level security does not hold: to look at what is really there. */
  asSuperuser<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The ids of the demo tenants. */
  tenantId(slug: string): Promise<string>;
  /** Gives the server's role back, for `work`, the temporary tables that `migrate` takes from it. */
  withTemporaryTables<Result>(work: () => Promise<Result>): Promise<Result>;
  drop(): Promise<void>;
}

export async function createTestDatabase(): Promise<TestDatabase> {
  const postgres = inject('postgres');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const maintenance = new pg.Client({ connectionString: onDatabase(postgres.superuser, 'postgres') });
  await maintenance.connect();
  await maintenance.query(`CREATE DATABASE ${name} TEMPLATE ${postgres.template}`);
  // A clone has the rights of a new database: `migrate` would take this one away.
  await maintenance.query(`REVOKE TEMPORARY ON DATABASE ${name} FROM PUBLIC`);
  const superuser = onDatabase(postgres.superuser, name);
  const pool = new pg.Pool({ connectionString: superuser, max: 2 });
  const asSuperuser = async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
    (await pool.query<Row>(sql, [...values])).rows;
  return {
    name,
    superuser,
    app: onDatabase(postgres.app, name),
    operator: onDatabase(postgres.operator, name),
    contextKey: postgres.contextKey,
    asSuperuser,
    async tenantId(slug) {
      const [row] = await asSuperuser<{ id: string }>('SELECT id FROM tenants WHERE slug = $1', [slug]);
      if (!row) throw new Error(`there is no tenant ${slug}`);
      return row.id;
    },
    async withTemporaryTables(work) {
      await asSuperuser(`GRANT TEMPORARY ON DATABASE ${name} TO tenantry_app`);
      try {
        return await work();
      } finally {
        await asSuperuser(`REVOKE TEMPORARY ON DATABASE ${name} FROM tenantry_app`);
      }
    },
    async drop() {
      await pool.end();
      // No FORCE: a connection that a test left open is a defect, and this is where it shows.
      await maintenance.query(`DROP DATABASE ${name}`);
      await maintenance.end();
    },
  };
}

/** A database for the tests of this file; call it at the top level. */
export function useDatabase(): () => TestDatabase {
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await database?.drop();
  });
  return () => {
    if (!database) throw new Error('the database exists in tests only');
    return database;
  };
}

/** Opens a database of this run as the server does: it signs contexts if the database asks for that. */
export const openTestDatabase = (options: DatabaseOptions): Database =>
  openDatabase({ contextKey: inject('postgres').contextKey, ...options });

/** Signs as the server does, for statements that tests send by themselves. */
export const sign: Sign = (...parts) => createSign(inject('postgres').contextKey)(...parts);

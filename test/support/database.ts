import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject, afterAll, beforeAll } from 'vitest';
import { withDatabase as onDatabase } from '../../src/kernel/database/owner-connection.js';
import { createSign, type Sign } from '../../src/kernel/database/context-signature.js';
import { openDatabase, type Database, type DatabaseOptions } from '../../src/kernel/tenancy/database.js';
import { sqlState } from '../../src/kernel/vocabulary/sql-state.js';
import { bareId } from './ids.js';
import { until } from './until.js';

/** A database of one test file: a clone of the migrated template with the demo tenants acme and globex. */
export interface TestDatabase {
  readonly name: string;
  /** The URLs of the roles. */
  readonly superuser: string;
  readonly app: string;
  readonly operator: string;
  /** The key that contexts are signed with in this database. Undefined when they are not signed. */
  readonly contextKey: string | undefined;
  /**
   * Runs a statement as the superuser, whom row-level security does not hold: to look at what is really there. Ids of the API
   * may be among the values.
   */
  asSuperuser<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The ids of the demo tenants. */
  tenantId(slug: string): Promise<string>;
  /** Grants the server's role the right to create temporary tables while `work` runs. `migrate` revokes it. */
  withTemporaryTables<Result>(work: () => Promise<Result>): Promise<Result>;
  drop(): Promise<void>;
}

export async function createTestDatabase(): Promise<TestDatabase> {
  const postgres = inject('postgres');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const maintenance = new pg.Client({ connectionString: onDatabase(postgres.superuser, 'postgres') });
  await maintenance.connect();
  await onceUnused(() => maintenance.query(`CREATE DATABASE ${name} TEMPLATE ${postgres.template}`));
  // A clone has the privileges of a new database. `migrate` would revoke this one.
  await maintenance.query(`REVOKE TEMPORARY ON DATABASE ${name} FROM PUBLIC`);
  const superuser = onDatabase(postgres.superuser, name);
  const pool = new pg.Pool({ connectionString: superuser, max: 2 });
  const asSuperuser = async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
    (await pool.query<Row>(sql, values.map(bareId))).rows;
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
      // Without FORCE, so that this fails when a test has left a connection open.
      await onceUnused(() => maintenance.query(`DROP DATABASE ${name}`));
      await maintenance.end();
    },
  };
}

/**
 * Repeats `statement` while its database is in use. PostgreSQL itself waits for five seconds, and on a busy machine a backend
 * may outlive its connection for longer.
 */
export async function onceUnused(statement: () => Promise<unknown>): Promise<void> {
  await until('nobody uses the database', () =>
    statement().then(
      () => true,
      (error: unknown) => {
        if (sqlState(error) === '55006') return false;
        throw error;
      },
    ),
  );
}

/** Creates a database for the tests of this file. Call it at the top level. */
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

/** Opens a database of this test run as the server does: with the key when contexts are signed. */
export const openTestDatabase = (options: DatabaseOptions): Database =>
  openDatabase({ contextKey: inject('postgres').contextKey, ...options });

/** Signs contexts as the server does, for statements that tests send themselves. */
export const sign: Sign = (...parts) => createSign(inject('postgres').contextKey)(...parts);

/** A typical database with row-level security: two tables, a policy on each, and a role to which the policies apply. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';

const TABLES = `
  CREATE TABLE projects (
    tenant_id uuid NOT NULL DEFAULT current_setting('app.current_tenant')::uuid,
    id serial,
    name text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
  );
  CREATE TABLE tasks (
    tenant_id uuid NOT NULL DEFAULT current_setting('app.current_tenant')::uuid,
    id serial,
    project_id integer NOT NULL,
    title text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, project_id) REFERENCES projects ON DELETE CASCADE
  );`;

/** The setting is empty, not null, after a transaction on this connection has set it. */
const protect = (table: string, role: string): string => `
  ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
  CREATE POLICY of_the_tenant ON ${table}
    USING (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
  GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO ${role};
  GRANT USAGE ON SEQUENCE ${table}_id_seq TO ${role};`;

export interface PlainDatabase {
  /** Connects as the role to which the policies apply. */
  readonly url: string;
  /** Runs a statement as the owner, to whom the policies do not apply, to see all rows. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

/**
 * @param superuser a URL of the server with a role that may create databases
 * @param app a URL with the application's role
 */
export async function createPlainDatabase(superuser: string, app: string): Promise<PlainDatabase> {
  const name = `plain_${randomBytes(6).toString('hex')}`;
  const named = (url: string): string => {
    const parsed = new URL(url);
    parsed.pathname = `/${name}`;
    return parsed.href;
  };
  const maintenance = new pg.Client({ connectionString: superuser });
  await maintenance.connect();
  await maintenance.query(`CREATE DATABASE ${name}`);
  const pool = new pg.Pool({ connectionString: named(superuser), max: 2 });
  const role = pg.escapeIdentifier(new URL(app).username);
  await pool.query([TABLES, protect('projects', role), protect('tasks', role)].join('\n'));
  return {
    url: named(app),
    async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) {
      const { rows } = await pool.query<Row>(sql, [...values]);
      return rows;
    },
    async drop() {
      await pool.end();
      // Without FORCE, so that this fails when a test has left a connection open.
      await maintenance.query(`DROP DATABASE ${name}`);
      await maintenance.end();
    },
  };
}

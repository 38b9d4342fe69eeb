/**
 * A database without anything of Tenantry, in which tests build schemas as other projects have them. Each case runs
 * inside a transaction that is rolled back, together with its roles.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { auditCatalog, type CatalogReport } from '../src/audit.js';
import type { GivenSettings } from '../src/detect-settings.js';
import { withDatabase as onDatabase } from '../../../src/kernel/database/owner-connection.js';
import { useDatabase } from '../../../test/support/database.js';

export interface PlainDatabase {
  /** The superuser's URL. */
  readonly url: () => string;
  /** Audits the database after these statements. */
  after(sql: string, given?: GivenSettings): Promise<CatalogReport>;
  /** Runs `work` in a superuser's transaction that is rolled back. */
  broken<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result>;
}

/** Call it at the top level. */
export function usePlainDatabase(): PlainDatabase {
  const database = useDatabase();
  const name = `plain_${randomBytes(6).toString('hex')}`;
  const url = (): string => onDatabase(database().superuser, name);
  let client: pg.Client | undefined;
  beforeAll(async () => {
    await database().asSuperuser(`CREATE DATABASE ${name} TEMPLATE template0`);
    client = new pg.Client({ connectionString: url() });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await database().asSuperuser(`DROP DATABASE ${name}`);
  });
  const broken: PlainDatabase['broken'] = async (work) => {
    if (!client) throw new Error('the database exists in tests only');
    await client.query('BEGIN');
    try {
      return await work(client);
    } finally {
      await client.query('ROLLBACK');
    }
  };
  return {
    url,
    broken,
    after: (sql, given = {}) =>
      broken(async (connection) => {
        await connection.query(sql);
        return (await auditCatalog(connection, given)).report;
      }),
  };
}

/** A shop with two organizations, guarded by a setting; `shop_app` is the application's login. */
export const SHOP = `
  CREATE ROLE shop_app LOGIN;
  CREATE TABLE organizations (id uuid PRIMARY KEY, name text);
  CREATE TABLE orders (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), organization_id uuid NOT NULL REFERENCES organizations, note text
  );
  INSERT INTO organizations VALUES
    ('00000000-0000-4000-8000-00000000000a', 'Acme'), ('00000000-0000-4000-8000-00000000000b', 'Globex');
  INSERT INTO orders (organization_id, note) SELECT id, name FROM organizations;
  ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;
  ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON organizations USING (id = nullif(current_setting('app.org', true), '')::uuid);
  GRANT SELECT, INSERT, UPDATE, DELETE ON organizations, orders TO shop_app;`;

/** The bound organization, and the comparison with it that separates the tenants. */
export const ORG = "nullif(current_setting('app.org', true), '')::uuid";
export const OWN = `organization_id = ${ORG}`;

/** What a Supabase project has before its first migration, as far as policies use it. */
export const SUPABASE = `
  CREATE ROLE anon NOLOGIN; CREATE ROLE authenticated NOLOGIN; CREATE ROLE service_role NOLOGIN BYPASSRLS;
  CREATE ROLE authenticator LOGIN NOINHERIT; GRANT anon, authenticated, service_role TO authenticator;
  CREATE SCHEMA auth; CREATE SCHEMA storage;
  GRANT USAGE ON SCHEMA auth, storage, public TO anon, authenticated, service_role;
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO anon, authenticated, service_role;
  CREATE TABLE auth.users (id uuid PRIMARY KEY, email text, raw_user_meta_data jsonb, raw_app_meta_data jsonb);
  CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS
    $$ SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
  CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
  CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE AS
    $$ SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role' $$;
  CREATE TABLE storage.buckets (id text PRIMARY KEY, public boolean);
  CREATE TABLE storage.objects (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), bucket_id text REFERENCES storage.buckets, name text, owner uuid);
  CREATE FUNCTION storage.foldername(name text) RETURNS text[] LANGUAGE sql AS $$ SELECT string_to_array(name, '/') $$;
  ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY; ALTER TABLE storage.buckets ENABLE ROW LEVEL SECURITY;
  GRANT ALL ON storage.objects, storage.buckets TO anon, authenticated, service_role;`;

/** Tenants that are exported, imported and erased by tests, and tables that were made outside of Prisma. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { filesOf } from '../../src/services/lifecycle/check-archive.js';
import { eraseTenant, type ErasureOrder } from '../../src/services/lifecycle/erase-tenant.js';
import { exportToFile } from '../../src/services/lifecycle/export-file.js';
import { importTenant, type ImportOrder } from '../../src/services/lifecycle/import-tenant.js';
import type { Disguise, Manifest } from '../../src/services/lifecycle/manifest.js';
import { folderOf } from '../../src/services/lifecycle/manifest.js';
import {
  withOperatorConnection,
  type OperatorConnection,
} from '../../src/services/operator/operator-connection.js';
import { createTenant } from '../../src/services/operator/tenants.js';
import type { TestDatabase } from './database.js';
import { bind, connected, contextOf } from './demo-tenants.js';
import { KEYS } from './sealed-trails.js';

/** A folder for files of this test file. Call it at the top level. */
export function useFolder(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-life-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  return (name) => join(folder, name);
}

/** Runs `work` as an operator of a test's database. */
export const asOperatorOf = <Result>(
  { operator: url, contextKey }: TestDatabase,
  work: (connection: OperatorConnection) => Promise<Result>,
): Promise<Result> => withOperatorConnection({ url, operator: 'tester', contextKey }, work);

/** Exports a tenant into a file. */
export const exported = (
  database: TestDatabase,
  slug: string,
  file: string,
  disguise: Disguise = 'none',
): Promise<Manifest> =>
  asOperatorOf(database, (connection) =>
    exportToFile(connection, { slug, output: file, disguise, reason: 'test' }),
  );

/** Imports a file. */
export const imported = (database: TestDatabase, file: string, order: Partial<ImportOrder> = {}) =>
  asOperatorOf(database, (connection) =>
    importTenant(connection, { file, newIds: false, reason: 'test', ...order }),
  );

/** Erases a tenant, with the keys of most tests. */
export const erased = (database: TestDatabase, tenantId: string, order: Partial<ErasureOrder> = {}) =>
  asOperatorOf(database, (connection) =>
    eraseTenant(connection, { tenantId, stores: [], keepTrail: false, keys: KEYS, ...order }),
  );

/** The hashes of the tables in an archive that have rows, without the audit log and what only the server uses. */
export const hashesOf = ({ tables }: Manifest): Record<string, string> =>
  Object.fromEntries(
    tables
      .filter(({ schema, name, rows }) => rows > 0 && schema !== 'tenantry' && name !== 'audit_log')
      .map(({ schema, name, sha256 }) => [`${schema}.${name}`, sha256]),
  );

/** The text of a table in an archive. */
export async function textOf(file: string, schema: string, name: string): Promise<string> {
  const folder = `${folderOf({ schema, name })}/`;
  let text = '';
  for await (const part of filesOf(file)) if (part.name.startsWith(folder)) text += part.content.toString();
  return text;
}

/**
 * Tables as somebody makes them by hand, in a schema of their own: `crm.contacts` has the tenant, the others only lead to it.
 * `crm.steps` refers to itself, and `crm.pairs` and `crm.halves` to each other.
 */
export async function createTables(database: TestDatabase): Promise<void> {
  await database.asSuperuser(`
    CREATE SCHEMA crm AUTHORIZATION tenantry_owner;
    GRANT USAGE ON SCHEMA crm TO tenantry_operator;
    SET ROLE tenantry_owner;
    CREATE TABLE crm.contacts (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      tenant_id uuid NOT NULL REFERENCES public.tenants (id),
      name text NOT NULL, amount numeric, at timestamptz, raw bytea, tags text[], api_secret text,
      length integer GENERATED ALWAYS AS (length(name)) STORED
    );
    CREATE TABLE crm."Odd notes" (
      id uuid PRIMARY KEY DEFAULT tenantry.uuid_v7(),
      contact_id bigint NOT NULL REFERENCES crm.contacts (id),
      body json NOT NULL
    );
    CREATE TABLE crm.steps (
      id uuid PRIMARY KEY,
      contact_id bigint NOT NULL REFERENCES crm.contacts (id),
      before uuid REFERENCES crm.steps (id)
    );
    CREATE TABLE crm.pairs (id uuid PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES public.tenants (id), half uuid);
    CREATE TABLE crm.halves (id uuid PRIMARY KEY, pair uuid NOT NULL REFERENCES crm.pairs (id));
    ALTER TABLE crm.pairs ADD FOREIGN KEY (half) REFERENCES crm.halves (id) DEFERRABLE;
    CREATE TABLE crm.events (id bigint NOT NULL, tenant_id uuid NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE crm.events_2026 PARTITION OF crm.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE TABLE crm.countries (code text PRIMARY KEY);
    COMMENT ON TABLE crm.countries IS '@tenancy shared: reference data';
    INSERT INTO crm.countries VALUES ('de'), ('fr');
    CREATE MATERIALIZED VIEW crm.names AS SELECT tenant_id, name FROM crm.contacts;
    GRANT SELECT ON ALL TABLES IN SCHEMA crm TO tenantry_operator;
    RESET ROLE;
  `);
}

const NOTE = `{ "b": 1,\n  "a": 12345678901234567890.5, "text": "line\\nbreak" }`;

/** Rows of a tenant in these tables. */
export async function fillTables(database: TestDatabase, tenantId: string): Promise<void> {
  const [contact] = await database.asSuperuser<{ id: string }>(
    `INSERT INTO crm.contacts (tenant_id, name, amount, at, raw, tags, api_secret)
     VALUES ($1, E'Ä "quoted" \\\\ \\n name', 1234567890.1234567890, '2026-02-03 04:05:06.789012+02', '\\x00ff10',
       ARRAY['one', NULL, 'tw"o'], 'very secret') RETURNING id`,
    [tenantId],
  );
  const id = contact!.id;
  await database.asSuperuser('INSERT INTO crm."Odd notes" (contact_id, body) VALUES ($1, $2)', [id, NOTE]);
  // The first refers to the second, so that no order of rows is right.
  await database.asSuperuser(
    `WITH ids AS MATERIALIZED (SELECT tenantry.uuid_v7() AS a, tenantry.uuid_v7() AS b, tenantry.uuid_v7() AS c)
     INSERT INTO crm.steps SELECT each.id, $1, each.before FROM ids,
     LATERAL (VALUES (a, b), (b, c), (c, NULL)) AS each (id, before)`,
    [id],
  );
  await database.asSuperuser(
    `WITH ids AS MATERIALIZED (SELECT tenantry.uuid_v7() AS pair, tenantry.uuid_v7() AS half),
       pairs AS (INSERT INTO crm.pairs SELECT pair, $1, half FROM ids)
     INSERT INTO crm.halves SELECT half, pair FROM ids`,
    [tenantId],
  );
  await database.asSuperuser("INSERT INTO crm.events VALUES (1, $1, '2026-03-04')", [tenantId]);
  await database.asSuperuser('REFRESH MATERIALIZED VIEW crm.names');
}

/** A new tenant with two members, an API key, an invitation and entries in its log. */
export async function newTenant(database: TestDatabase, slug: string): Promise<string> {
  const { id } = await asOperatorOf(database, (connection) =>
    createTenant(connection, {
      slug,
      name: `${slug} & Söhne`,
      owner: { userId: `${slug}|owner`, email: `owner@${slug}.test` },
      members: [{ userId: `${slug}|member`, email: `member@${slug}.test`, role: 'member' }],
    }),
  );
  await connected(database.app, async (client) => {
    await client.query('BEGIN');
    await bind(client, contextOf(id, { type: 'user', id: `${slug}|owner` }));
    await client.query(
      `INSERT INTO public.api_keys (name, prefix, key_hash, permissions, created_by)
       VALUES ('key', 'tnt_abc', encode(sha256($1::text::bytea), 'hex'), ARRAY['members:read'], $2)`,
      [slug, `${slug}|owner`],
    );
    await client.query(
      `INSERT INTO public.invitations (email, role, invited_by, expires_at, token_hash)
       VALUES ($1, 'viewer', $2, now() + interval '1 day', encode(sha256($1::text::bytea), 'hex'))`,
      [`guest@${slug}.test`, `${slug}|owner`],
    );
    await client.query(
      "SELECT tenantry.enqueue('test.work', '{\"text\": \"payload\"}', now() + interval '1 day')",
    );
    await client.query(
      `UPDATE public.tenants SET settings = '{"colour": "blue", "n": 1.50}' WHERE id = tenantry.current_tenant()`,
    );
    await client.query('COMMIT');
  });
  return id;
}

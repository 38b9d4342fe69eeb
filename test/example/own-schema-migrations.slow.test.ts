/**
 * Migrations reach the schemas of tenants: the tables there become like those in `public`, with the rows that the tenant has; what
 * cannot be brought up to date stays as it was, and is not served.
 */
import { afterEach, expect, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { applyMigrations } from '../../src/kernel/database/migration/migrations.js';
import { migrationStatus, type MigrationStatus } from '../../src/kernel/database/migration/status.js';
import { prepareDatabase } from '../../src/kernel/database/preparation/prepare.js';
import { migrateSchemas } from '../../src/kernel/database/schemas/migrate-schemas.js';
import { schemaOf } from '../../src/kernel/database/schemas/own-schema.js';
import { differencesOf, readParts, sentenceOf, TABLES } from '../../src/kernel/database/schemas/structure.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { connected } from '../support/demo-tenants.js';
import { addMigration, refusal, useMigratedDatabases } from '../support/migrated-databases.js';
import { createPlaced } from '../support/own-schemas.js';
import { until } from '../support/until.js';

const { prismaCopy } = useMigratedDatabases();

const ALL = [...TABLES, 'labels'];
const CHANGE = `
ALTER TABLE "conversations" ADD COLUMN "priority" INTEGER NOT NULL DEFAULT 0, DROP COLUMN "subject";
ALTER TABLE "public"."messages" ALTER COLUMN "body" TYPE VARCHAR(5000);
ALTER TABLE public.conversations NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
UPDATE conversations SET priority = length(body);
ALTER TABLE public.conversations FORCE ROW LEVEL SECURITY, ENABLE ROW LEVEL SECURITY;
CREATE INDEX "conversations_by_priority" ON "conversations"("tenant_id", "priority");
DROP INDEX "messages_tenant_id_conversation_id_created_at_id_idx";
CREATE TABLE "labels" (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "conversation_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    CONSTRAINT "labels_pkey" PRIMARY KEY ("tenant_id", "id")
);
ALTER TABLE "labels" ADD CONSTRAINT "labels_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id");
ALTER TABLE "labels" ADD CONSTRAINT "labels_conversation_fkey" FOREIGN KEY ("tenant_id", "conversation_id")
  REFERENCES "conversations"("tenant_id", "id") ON DELETE CASCADE;
SELECT tenantry.protect('labels');
SELECT tenantry.limit_rows('labels', 'labels');
COMMENT ON TABLE labels IS 'for conversations';
-- A function of the kernel, which is there once.
CREATE FUNCTION tenantry.of_labels() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM public.labels $$;
`;

const LATER = ['29990102000000_later', 'ALTER TABLE "labels" ADD COLUMN "colour" TEXT;'] as const;
const opened: TestDatabase[] = [];
afterEach(() => Promise.all(opened.splice(0).map((database) => database.drop())));

interface Ground {
  readonly database: TestDatabase;
  /** Of two tenants with schemas, in their order. */
  readonly ids: readonly [string, string];
  readonly prisma: string;
  /** Adds a migration, which the database then has. */
  readonly migrated: (name: string, sql: string) => Promise<void>;
  readonly bring: () => Promise<number>;
  readonly differenceOf: (id: string) => Promise<string | undefined>;
  readonly status: () => Promise<MigrationStatus>;
}

/** A database of one test, with the first migration in `public` only. */
async function ground(): Promise<Ground> {
  const database = await createTestDatabase();
  opened.push(database);
  const made = [await createPlaced(database, 'one'), await createPlaced(database, 'two')].sort();
  const ids = [made[0]!, made[1]!] as const;
  for (const id of ids) {
    await database.asSuperuser(
      `INSERT INTO ${schemaOf(id)}.conversations (tenant_id, user_id, subject, body) VALUES ($1, 'u', 's', 'four')`,
      [id],
    );
  }
  const prisma = await prismaCopy();
  const migrated = async (name: string, sql: string) => {
    await addMigration(prisma, name, sql);
    await applyMigrations(database.superuser, prisma);
  };
  await migrated('29990101000000_change', CHANGE);
  return {
    database,
    ids,
    prisma,
    migrated,
    bring: () => migrateSchemas(database.superuser, prisma, ALL),
    differenceOf: (id) =>
      connected(database.superuser, async (client) => {
        await client.query('BEGIN');
        const shared = await readParts(client, 'public', ALL);
        const own = await readParts(client, schemaOf(id), ALL);
        return sentenceOf(differencesOf(shared, own, schemaOf(id)));
      }),
    status: () => connected(database.app, (client) => migrationStatus((sql) => client.query(sql), prisma)),
  };
}

test('A migration is reported as missing, reaches every schema, once, and leaves public as it was', async () => {
  const { database, ids, bring, differenceOf, status } = await ground();
  expect(await status()).toMatchObject({ missing: [], schemas: 2, schemasBehind: 2 });
  expect(await differenceOf(ids[0])).toBeDefined();
  expect(await bring()).toBe(2);
  expect(await bring()).toBe(0);
  expect(await status()).toMatchObject({ schemas: 2, schemasBehind: 0 });
  for (const id of ids) {
    expect(await differenceOf(id)).toBeUndefined();
    const schema = schemaOf(id);
    expect(await database.asSuperuser(`SELECT body, priority FROM ${schema}.conversations`)).toEqual([
      { body: 'four', priority: 4 },
    ]);
    const rows = await database.asSuperuser(
      `SELECT conname FROM pg_constraint WHERE conrelid = '${schema}.labels'::regclass AND contype IN ('c', 'f') ORDER BY 1`,
    );
    expect(rows).toEqual([{ conname: 'labels_conversation_fkey' }, { conname: 'own_tenant' }]);
  }
  const keys = await database.asSuperuser(
    `SELECT count(*) FILTER (WHERE conrelid = 'public.labels'::regclass)::int AS shared,
       count(*) FILTER (WHERE conrelid::regclass::text ~ '^tenant_[0-9a-f]{32}[.]' AND confrelid = 'public.tenants'::regclass)::int AS own
     FROM pg_constraint WHERE contype = 'f'`,
  );
  expect(keys).toEqual([{ own: 0, shared: 2 }]);
});

test('A schema that fails stays as it was and is named, the others are not begun, and it goes on when it is mended', async () => {
  const { database, ids, migrated, bring, differenceOf } = await ground();
  const [first, second] = ids;
  expect(await bring()).toBe(2);
  await migrated(...LATER);
  await database.asSuperuser(`ALTER TABLE ${schemaOf(first)}.labels ADD COLUMN colour integer`);
  expect(await refusal(bring())).toContain(
    `1 schemas of tenants could not be brought up to date; the first: ${schemaOf(first)}`,
  );
  expect(
    await database.asSuperuser(
      'SELECT subject, migration, problem IS NULL AS fine FROM tenantry.schemas ORDER BY subject',
    ),
  ).toEqual([
    { subject: first, migration: '29990101000000_change', fine: false },
    { subject: second, migration: '29990101000000_change', fine: true },
  ]);
  await database.asSuperuser(`ALTER TABLE ${schemaOf(first)}.labels DROP COLUMN colour`);
  expect(await bring()).toBe(2);
  expect(await differenceOf(first)).toBeUndefined();
  expect(await database.asSuperuser('SELECT FROM tenantry.schemas WHERE problem IS NOT NULL')).toEqual([]);
});

test('A schema that has what public lacks is refused, whatever its migrations say', async () => {
  const { database, ids, migrated, bring } = await ground();
  expect(await bring()).toBe(2);
  await migrated(...LATER);
  await database.asSuperuser(`ALTER TABLE ${schemaOf(ids[0])}.labels ADD COLUMN extra integer`);
  expect(await refusal(bring())).toContain('it is not like public: it lacks: CREATE TABLE public.labels');
});

test('A server with the owner’s URL starts beside a schema that it cannot bring up to date, and says so', async () => {
  const database = await createTestDatabase();
  opened.push(database);
  const id = await createPlaced(database, 'one');
  await database.asSuperuser(`ALTER TABLE ${schemaOf(id)}.conversations ADD COLUMN extra integer`);
  await database.asSuperuser("UPDATE tenantry.schemas SET migration = '20261130210000_own_schemas'");
  const prepared = await prepareDatabase(
    readConfig({
      DATABASE_URL: database.app,
      DATABASE_OWNER_URL: database.superuser,
      CONTEXT_SIGNING_KEY: database.contextKey,
    }),
  );
  await prepared.stop();
  expect(prepared.schemaProblem).toContain(`the first: ${schemaOf(id)}: it is not like public`);
});

test('Others read the table of a tenant while a migration waits for its lock', async () => {
  const { database, ids, migrated, bring } = await ground();
  expect(await bring()).toBe(2);
  await migrated(...LATER);
  const read = `SELECT * FROM ${schemaOf(ids[0])}.labels`;
  await connected(database.superuser, async (reader) => {
    await reader.query('BEGIN');
    await reader.query(read);
    const brought = bring();
    await until('the migration waits', async () => {
      const waiting = await database.asSuperuser(
        `SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      return waiting.length > 0;
    });
    await connected(database.superuser, async (other) => {
      expect((await other.query(read)).rows).toEqual([]);
    });
    await reader.query('COMMIT');
    expect(await brought).toBe(2);
  });
});

test('A block that names a table of the application is refused', async () => {
  const { migrated, bring, status } = await ground();
  await migrated('29990104000000_block', 'DO $$ BEGIN ALTER TABLE labels ADD COLUMN size INTEGER; END $$;');
  expect(await refusal(bring())).toContain(
    'a statement of 29990104000000_block cannot be run for a schema of its own: DO $$ BEGIN ALTER TABLE labels',
  );
  expect(await status()).toMatchObject({ schemasBehind: 2 });
});

test('A migration that changes rows of the platform from those of the application is refused', async () => {
  const { migrated, bring } = await ground();
  await migrated(
    '29990104000000_rows',
    'DELETE FROM invitations WHERE false AND email IN (SELECT body FROM conversations);',
  );
  expect(await refusal(bring())).toContain('29990104000000_rows cannot be run for a schema of its own');
});

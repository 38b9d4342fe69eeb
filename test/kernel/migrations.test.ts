import { createHash, randomBytes } from 'node:crypto';
import { appendFile, cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { inspect } from 'node:util';

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { PRISMA_FOLDER } from '../../src/kernel/database/migration/folder.js';
import {
  MigrationError,
  applyMigrations,
  createMigration,
  pendingMigrations,
  schemaDrift,
} from '../../src/kernel/database/migration/migrations.js';

const SUPERUSER = process.env['TENANTRY_TEST_POSTGRES'] ?? '';

const made: string[] = [];
const folders: string[] = [];

/** The URL of a database that does not exist yet, dropped after the tests. */
function newDatabase(): string {
  const name = `mig_${randomBytes(6).toString('hex')}`;
  made.push(name);
  const url = new URL(SUPERUSER);
  url.pathname = `/${name}`;
  return url.href;
}

/** A copy of prisma/ that a test may change. */
async function prismaCopy(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-prisma-'));
  folders.push(folder);
  await cp(PRISMA_FOLDER, folder, { recursive: true });
  return folder;
}

async function addMigration(prisma: string, name: string, sql: string): Promise<void> {
  await mkdir(join(prisma, 'migrations', name), { recursive: true });
  await writeFile(join(prisma, 'migrations', name, 'migration.sql'), sql);
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  return withClient(url, async (client) => (await client.query<Row>(sql)).rows);
}

/** What it was refused with. */
async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MigrationError);
  return (error as MigrationError).message;
}

async function ownNames(): Promise<string[]> {
  const entries = await readdir(join(PRISMA_FOLDER, 'migrations'), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

afterAll(async () => {
  await withClient(SUPERUSER, async (client) => {
    for (const name of made) await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  });
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true })));
});

describe('applyMigrations', () => {
  it('creates the database, applies everything once, and has nothing to do afterwards', async () => {
    const url = newDatabase();
    expect(await applyMigrations(url)).toEqual(await ownNames());
    expect(await applyMigrations(url)).toEqual([]);
  });

  it('leaves the history that Prisma would', async () => {
    const url = newDatabase();
    await applyMigrations(url);
    const rows = await query<{ migration_name: string; checksum: string; finished: boolean }>(
      url,
      `SELECT migration_name, checksum, finished_at >= started_at AS finished, applied_steps_count, logs, rolled_back_at
       FROM _prisma_migrations ORDER BY migration_name`,
    );
    const expected = await Promise.all(
      (await ownNames()).map(async (name) => ({
        migration_name: name,
        checksum: createHash('sha256')
          .update(await readFile(join(PRISMA_FOLDER, 'migrations', name, 'migration.sql')))
          .digest('hex'),
        finished: true,
        applied_steps_count: 1,
        logs: null,
        rolled_back_at: null,
      })),
    );
    expect(rows).toEqual(expected);
  });

  it('makes everything tenantry_owner’s, the database included, whoever logs in', async () => {
    const url = newDatabase();
    await applyMigrations(url);
    const owners = await query(
      url,
      `SELECT DISTINCT pg_get_userbyid(owner) AS owner FROM (
         SELECT relowner FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'tenantry'::regnamespace)
         UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'tenantry'::regnamespace
         UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname = 'tenantry'
         UNION ALL SELECT datdba FROM pg_database WHERE datname = current_database()
       ) objects (owner)`,
    );
    expect(owners).toEqual([{ owner: 'tenantry_owner' }]);
  });

  it('is safe when five instances start at once on a server without the database', async () => {
    const url = newDatabase();
    const applied = await Promise.all(Array.from({ length: 5 }, () => applyMigrations(url)));
    expect(applied.filter((names) => names.length > 0)).toEqual([await ownNames()]);
    const [history] = await query<{ count: string }>(url, 'SELECT count(*) FROM _prisma_migrations');
    expect(Number(history?.count)).toBe((await ownNames()).length);
  });

  it('waits for an instance that is in the middle of a migration', async () => {
    const url = newDatabase();
    const prisma = await prismaCopy();
    await applyMigrations(url, prisma);
    const name = '29990101000000_slow';
    await addMigration(prisma, name, 'SELECT pg_advisory_xact_lock(1, 1);');
    await withClient(url, async (client) => {
      const until = async (sql: string): Promise<void> => {
        while ((await client.query(sql)).rowCount === 0);
      };
      const here = "datname = current_database() AND application_name = 'tenantry migrate'";
      await client.query('SELECT pg_advisory_lock(1, 1)');
      const first = applyMigrations(url, prisma);
      await until("SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 1 AND NOT granted");
      const second = applyMigrations(url, prisma);
      // The second asks again and again, rather than wait with a snapshot.
      await until(`SELECT FROM pg_stat_activity WHERE ${here} AND query LIKE '%pg_try_advisory_lock%'
        AND state = 'idle' AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)`);
      await client.query('SELECT pg_advisory_unlock(1, 1)');
      expect(await first).toEqual([name]);
      expect(await second).toEqual([]);
    });
  });

  it('names a migration that fails, the line and PostgreSQL’s words, and keeps nothing of it', async () => {
    const url = newDatabase();
    const prisma = await prismaCopy();
    const name = '29990101000000_broken';
    await addMigration(prisma, name, 'CREATE TABLE half (id int);\n\nSELECT missing FROM half;\n');

    expect(await refusal(applyMigrations(url, prisma))).toBe(
      `The migration ${name} failed at line 3: column "missing" does not exist.`,
    );
    expect(await query(url, "SELECT to_regclass('half') AS half")).toEqual([{ half: null }]);
    expect(await withClient(url, (client) => pendingMigrations((sql) => client.query(sql), prisma))).toEqual([
      name,
    ]);
  });

  it('says what to do about a migration that failed before, and goes on once that is done', async () => {
    const url = newDatabase();
    const prisma = await prismaCopy();
    const name = '29990101000000_broken';
    await addMigration(prisma, name, 'SELECT 1 / 0;');
    await refusal(applyMigrations(url, prisma));

    const sentence = await refusal(applyMigrations(url, prisma));
    expect(sentence).toContain(`The migration ${name} failed before`);
    const [, remedy = ''] = /(UPDATE .*;)$/.exec(sentence) ?? [];
    await query(url, remedy);
    await addMigration(prisma, name, 'SELECT 1;');
    expect(await applyMigrations(url, prisma)).toEqual([name]);
  });

  it('refuses when an applied migration was edited, but not for the line ends of a checkout', async () => {
    const url = newDatabase();
    const prisma = await prismaCopy();
    await applyMigrations(url, prisma);
    const [first = ''] = await ownNames();
    const script = join(prisma, 'migrations', first, 'migration.sql');

    await writeFile(script, (await readFile(script, 'utf8')).replaceAll('\n', '\r\n'));
    expect(await applyMigrations(url, prisma)).toEqual([]);
    await appendFile(script, '-- afterthought\n');
    expect(await refusal(applyMigrations(url, prisma))).toContain(`${first} was edited after it was applied`);
  });

  it('refuses a database that is ahead of this version', async () => {
    const url = newDatabase();
    const prisma = await prismaCopy();
    await addMigration(prisma, '29990101000000_future', 'SELECT 1;');
    await applyMigrations(url, prisma);
    expect(await refusal(applyMigrations(url))).toContain('29990101000000_future, which is unknown here');
  });

  it('refuses a database with tables of somebody else', async () => {
    const url = newDatabase();
    await query(SUPERUSER, `CREATE DATABASE ${new URL(url).pathname.slice(1)}`);
    await query(url, 'CREATE TABLE strangers (id int)');
    expect(await refusal(applyMigrations(url))).toContain('Tenantry needs a database of its own');
  });

  it('says in one sentence why there is no connection, without the password', async () => {
    const urls = [
      'postgres://someone:hunter2@127.0.0.1:1/x',
      'http://someone:hunter2@127.0.0.1/x',
      'hunter2',
    ];
    for (const url of urls) {
      const error: unknown = await applyMigrations(url).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(MigrationError);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2');
    }
    expect(await refusal(applyMigrations(urls[0] ?? ''))).toBe(
      'PostgreSQL at 127.0.0.1:1 cannot be reached (ECONNREFUSED).',
    );
  });
});

describe('pendingMigrations', () => {
  it('tells the application role what the database lacks', async () => {
    const url = newDatabase();
    const asApp = (): Promise<string[]> =>
      withClient(url, async (client) => {
        await client.query('SET ROLE tenantry_app');
        return pendingMigrations((sql) => client.query(sql));
      });
    await withClient(SUPERUSER, (client) =>
      client.query(`CREATE DATABASE ${new URL(url).pathname.slice(1)}`),
    );
    expect(await asApp()).toEqual(await ownNames());
    const fresh = newDatabase();
    await applyMigrations(fresh);
    expect(
      await withClient(fresh, async (client) => {
        await client.query('SET ROLE tenantry_app');
        return pendingMigrations((sql) => client.query(sql));
      }),
    ).toEqual([]);
  });
});

const INVOICE = `
/// An invoice, see https://example.test/invoices // model Fake { @@map("fake") }
model Invoice {
  tenantId  String   @default(dbgenerated("tenantry.current_tenant()")) @map("tenant_id") @db.Uuid
  id        String   @default(dbgenerated("tenantry.uuid_v7()")) @db.Uuid
  number    String   @default("{none}")
  lines     InvoiceLine[]
  tenant    Tenant   @relation(fields: [tenantId], references: [id], onDelete: Restrict, onUpdate: Restrict)

  @@id([tenantId, id])
  @@unique([tenantId, number])
  @@map("invoices")
}

model InvoiceLine {
  tenantId  String   @default(dbgenerated("tenantry.current_tenant()")) @map("tenant_id") @db.Uuid
  id        String   @default(dbgenerated("tenantry.uuid_v7()")) @db.Uuid
  invoiceId String   @map("invoice_id") @db.Uuid
  tenant    Tenant   @relation(fields: [tenantId], references: [id], onDelete: Restrict, onUpdate: Restrict)
  invoice   Invoice  @relation(fields: [tenantId, invoiceId], references: [tenantId, id], onDelete: Cascade, onUpdate: Restrict)

  @@id([tenantId, id])
}

model Currency {
  code String @id
  @@map("currencies")
}
`;

async function withInvoices(): Promise<string> {
  const prisma = await prismaCopy();
  await writeFile(join(prisma, 'billing.prisma'), INVOICE);
  const platform = join(prisma, 'platform.prisma');
  const text = await readFile(platform, 'utf8');
  await writeFile(
    platform,
    text.replace(/^model Tenant \{$/m, '$&\n  invoices Invoice[]\n  invoiceLines InvoiceLine[]'),
  );
  return prisma;
}

describe('createMigration', () => {
  it('has nothing to do while models and migrations agree', async () => {
    expect(await createMigration('nothing', SUPERUSER)).toBeUndefined();
  });

  it('protects the new tenant-scoped tables, warns of the other, and applies', async () => {
    const prisma = await withInvoices();
    const migration = await createMigration('add_invoices', SUPERUSER, prisma);
    const { directory = '', sql = '' } = migration ?? {};

    expect(sql).toContain('CREATE TABLE "invoices"');
    expect(sql).toContain("SELECT tenantry.protect('invoices', 'Invoice');");
    expect(sql).toContain(`SELECT tenantry.protect('"InvoiceLine"', 'InvoiceLine');`);
    expect(sql).toContain('-- WARNING: currencies has no tenant_id');
    expect(sql).not.toContain("protect('currencies'");
    expect(sql.indexOf('ADD CONSTRAINT')).toBeLessThan(sql.indexOf('tenantry.protect'));
    expect(await readFile(join(directory, 'migration.sql'), 'utf8')).toBe(sql);

    const url = newDatabase();
    expect((await applyMigrations(url, prisma)).at(-1)).toBe(basename(directory));
    expect(
      await query(
        url,
        `SELECT relname, relrowsecurity AND relforcerowsecurity AS forced, tgargs::text <> '' AS audited
         FROM pg_class JOIN pg_trigger ON tgrelid = pg_class.oid AND tgname = 'audit'
         WHERE relname IN ('invoices', 'InvoiceLine', 'currencies') ORDER BY relname`,
      ),
    ).toEqual([
      { relname: 'InvoiceLine', forced: true, audited: true },
      { relname: 'invoices', forced: true, audited: true },
    ]);
    expect(await schemaDrift(url, prisma)).toBe('');
    expect(await createMigration('again', url, prisma)).toBeUndefined();
  });

  it('names the folder after the time and the label, after every existing one even where the clock is behind', async () => {
    const prisma = await withInvoices();
    await addMigration(prisma, '29991231235959_last', 'SELECT 1;');
    const ahead = await createMigration('add_invoices', SUPERUSER, prisma);
    expect(basename(ahead?.directory ?? '')).toBe('30000101000000_add_invoices');

    const ordinary = await createMigration('add_invoices', SUPERUSER, await withInvoices());
    expect(basename(ordinary?.directory ?? '')).toMatch(/^20\d{12}_add_invoices$/);
    expect(basename(ordinary?.directory ?? '') > ((await ownNames()).at(-1) ?? '')).toBe(true);
  });

  it('warns of what loses data', async () => {
    const prisma = await prismaCopy();
    const platform = join(prisma, 'platform.prisma');
    await writeFile(platform, (await readFile(platform, 'utf8')).replace(/^ {2}billingEmail .*\n/m, ''));
    const migration = await createMigration('drop_billing_email', SUPERUSER, prisma);
    expect(migration?.sql).toMatch(
      /^-- WARNING: this loses or rewrites data.*\n-- .*DROP COLUMN "billing_email"/,
    );
    expect(await schemaDrift(SUPERUSER, prisma)).toBe('');
  });

  it('refuses a name that could not be one, and models that are in error', async () => {
    for (const name of ['', 'Add', 'a-b', '../x', 'a b']) {
      expect(await refusal(createMigration(name, SUPERUSER))).toContain('consists of a-z, 0-9 and _');
    }
    const prisma = await prismaCopy();
    await writeFile(join(prisma, 'wrong.prisma'), 'model Wrong {\n  id Missing @id\n}\n');
    expect(await refusal(createMigration('wrong', SUPERUSER, prisma))).toBe(
      `${join(prisma, 'wrong.prisma')}:2 is in error: Type "Missing" is neither a built-in type, nor refers to another model, composite type, or enum.`,
    );
  });
});

describe('schemaDrift', () => {
  it('is nothing for the models and migrations of this repository', async () => {
    expect(await schemaDrift(SUPERUSER)).toBe('');
  });

  it('is the SQL that is missing', async () => {
    expect(await schemaDrift(SUPERUSER, await withInvoices())).toContain('CREATE TABLE "invoices"');
  });

  it('names the migration that does not run', async () => {
    const prisma = await prismaCopy();
    await addMigration(prisma, '29990101000000_broken', 'SELECT 1 / 0;');
    expect(await refusal(schemaDrift(SUPERUSER, prisma))).toContain(
      '29990101000000_broken failed: division by zero',
    );
  });
});

describe('tenantry.protect', () => {
  let url = '';

  beforeAll(async () => {
    url = newDatabase();
    await applyMigrations(url);
  });

  const KEY = 'PRIMARY KEY (tenant_id, id)';
  const TENANT = 'tenant_id uuid NOT NULL REFERENCES tenants (id)';

  it.each([
    ['has no tenant_id', 'CREATE TABLE t (id uuid PRIMARY KEY)', 't needs a column tenant_id uuid NOT NULL'],
    [
      'may leave tenant_id empty',
      'CREATE TABLE t (tenant_id uuid REFERENCES tenants (id), id uuid PRIMARY KEY)',
      't needs a column tenant_id uuid NOT NULL',
    ],
    [
      'has a tenant_id of another type',
      'CREATE TABLE t (tenant_id text NOT NULL, id uuid, PRIMARY KEY (tenant_id, id))',
      't needs a column tenant_id uuid NOT NULL',
    ],
    ['has no primary key', `CREATE TABLE t (${TENANT}, id uuid)`, 't needs a primary key (tenant_id, id)'],
    [
      'has a primary key without the tenant',
      `CREATE TABLE t (${TENANT}, id uuid PRIMARY KEY)`,
      'the unique key t_pkey of t must start with tenant_id',
    ],
    [
      'has a unique key that starts with something else',
      `CREATE TABLE t (${TENANT}, id uuid, slug text, ${KEY}, UNIQUE (slug, tenant_id))`,
      'the unique key t_slug_tenant_id_key of t must start with tenant_id',
    ],
    [
      'refers to a tenant’s row without the tenant',
      `CREATE TABLE other (${TENANT}, id uuid UNIQUE, ${KEY});
       CREATE TABLE t (${TENANT}, id uuid, other_id uuid REFERENCES other (id), ${KEY})`,
      'the foreign key t_other_id_fkey of t must carry tenant_id',
    ],
    [
      'pairs the tenant with another column',
      `CREATE TABLE other (${TENANT}, id uuid, ${KEY});
       CREATE TABLE t (${TENANT}, id uuid, x uuid, ${KEY}, FOREIGN KEY (x, tenant_id) REFERENCES other (tenant_id, id))`,
      'the foreign key t_x_tenant_id_fkey of t must carry tenant_id',
    ],
    [
      'does not refer to tenants',
      `CREATE TABLE t (tenant_id uuid NOT NULL, id uuid, ${KEY})`,
      't needs a foreign key from tenant_id to tenants',
    ],
    ['is a view', 'CREATE VIEW t AS SELECT 1 AS tenant_id', 't is not a table'],
  ])('refuses a table that %s', async (_reason, ddl, message) => {
    await withClient(url, async (client) => {
      await client.query('BEGIN');
      await client.query(ddl);
      await expect(client.query("SELECT tenantry.protect('t')")).rejects.toMatchObject({
        code: '42P16',
        message,
      });
    });
  });

  it('accepts a sound table, and accepts it again', async () => {
    await withClient(url, async (client) => {
      await client.query('BEGIN');
      await client.query(`CREATE TABLE line_items (${TENANT}, id uuid, ${KEY})`);
      await client.query("SELECT tenantry.protect('line_items')");
      await client.query("SELECT tenantry.protect('line_items')");
      const { rows } = await client.query(
        `SELECT polname, encode(tgargs, 'escape') AS arguments FROM pg_policy
         JOIN pg_trigger ON tgrelid = polrelid AND tgname = 'audit' WHERE polrelid = 'line_items'::regclass`,
      );
      expect(rows).toEqual([{ polname: 'tenant_isolation', arguments: 'LineItem\\000line_item\\000' }]);
    });
  });
});

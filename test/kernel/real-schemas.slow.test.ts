/**
 * Proves that schemas of the shapes that real databases have go through all tools: they are converted, satisfy the
 * conditions of `tenantry.protect` afterwards, and the audit finds nothing new in them; or they are refused in words that
 * say what to do, before anything is written.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finishTenantize, tenantize } from '@tenantry/tenantize';
import { describe, expect, it } from 'vitest';
import { auditFindings } from '../../src/cli/audit-findings.js';
import { tenantizeProject } from '../../src/cli/tenantize-project.js';
import { applyMigrations } from '../../src/kernel/database/migration/migrations.js';
import { wrongTables } from '../../src/kernel/database/migration/scratch.js';
import { withClient } from '../../src/kernel/database/owner-connection.js';
import { refusal, useShops } from '../support/shop.js';

const { OLD_ROLE, makeDatabase } = useShops();

interface Shape {
  readonly sql: string;
  /** As the superuser, before the migration. */
  readonly first?: string;
  /** As the superuser, after the migration. */
  readonly rows?: string;
  readonly tables: readonly string[];
  /** The tenant of a row of the first table; without it, all rows are acme's. */
  readonly tenantExpression?: string;
}

const TENANT_BY_SLUG = '(SELECT t.id FROM tenants t WHERE t.slug = accounts.company)';

const CONVERTED: Readonly<Record<string, Shape>> = {
  'quoted names, columns too': {
    sql: `CREATE TABLE "Order Details" ("Order Id" bigint, "Line No." integer, "select" text UNIQUE, PRIMARY KEY ("Order Id", "Line No."))`,
    rows: `INSERT INTO "Order Details" VALUES (1, 1, 'a'), (1, 2, 'b')`,
    tables: ['Order Details'],
  },
  'names that are cut': {
    sql: `CREATE TABLE ${'long_'.repeat(12)} (${'id_'.repeat(20)} bigint PRIMARY KEY, ${'code_'.repeat(12)} text UNIQUE)`,
    tables: ['long_'.repeat(12)],
  },
  'composite and self-referencing keys': {
    sql: `
      CREATE TABLE areas (country text, code text, parent text, PRIMARY KEY (country, code),
        FOREIGN KEY (country, parent) REFERENCES areas (country, code) ON DELETE SET NULL (parent));
      CREATE TABLE shops (id serial PRIMARY KEY, country text, area text, twin integer REFERENCES shops (id) ON DELETE SET NULL,
        FOREIGN KEY (country, area) REFERENCES areas (country, code) ON UPDATE CASCADE)`,
    rows: `INSERT INTO areas VALUES ('de', 'b', NULL), ('de', 'm', 'b'); INSERT INTO shops (country, area) VALUES ('de', 'm')`,
    tables: ['areas', 'shops'],
  },
  'keys with conditions, expressions, included columns, nulls and orders': {
    sql: `
      CREATE TABLE codes (id uuid PRIMARY KEY, code text, gone_at timestamptz, note text, UNIQUE NULLS NOT DISTINCT (note) INCLUDE (code));
      CREATE UNIQUE INDEX ON codes (lower(code) DESC NULLS LAST, note COLLATE "C") WHERE gone_at IS NULL;
      CREATE UNIQUE INDEX ON codes (code text_pattern_ops) INCLUDE (note)`,
    tables: ['codes'],
  },
  'generated columns, enums, domains, arrays and identity': {
    sql: `
      CREATE TYPE mood AS ENUM ('good', 'bad');
      CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
      CREATE TABLE days (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mood mood NOT NULL, hours positive, tags text[],
        doubled integer GENERATED ALWAYS AS (hours * 2) STORED UNIQUE)`,
    rows: `INSERT INTO days (mood, hours) VALUES ('good', 1), ('bad', 2)`,
    tables: ['days'],
  },
  'integer tenants': {
    sql: `
      CREATE TABLE companies (number integer PRIMARY KEY, slug text NOT NULL);
      CREATE TABLE bills (id bigint PRIMARY KEY, company integer NOT NULL);
      CREATE TABLE bill_lines (bill bigint REFERENCES bills (id) ON DELETE CASCADE, line integer, PRIMARY KEY (bill, line))`,
    rows: `INSERT INTO companies VALUES (1, 'acme'), (2, 'globex'); INSERT INTO bills VALUES (1, 1), (2, 2); INSERT INTO bill_lines VALUES (1, 1), (2, 1);`,
    tables: ['bills', 'bill_lines'],
    tenantExpression:
      '(SELECT t.id FROM companies c JOIN tenants t ON t.slug = c.slug WHERE c.number = bills.company)',
  },
  'text tenants': {
    sql: 'CREATE TABLE accounts (id bigint PRIMARY KEY, company text NOT NULL, UNIQUE (company, id))',
    rows: `INSERT INTO accounts VALUES (1, 'acme'), (2, 'globex')`,
    tables: ['accounts'],
    tenantExpression: TENANT_BY_SLUG,
  },
  'types of extensions': {
    first: 'CREATE EXTENSION citext; CREATE EXTENSION hstore',
    sql: 'CREATE TABLE people (id bigint PRIMARY KEY, mail citext UNIQUE, facts hstore)',
    rows: `INSERT INTO people VALUES (1, 'A@example.test', 'a=>1')`,
    tables: ['people'],
  },
  'a view that reads as its caller': {
    sql: `
      CREATE TABLE accounts (id bigint PRIMARY KEY, company text NOT NULL);
      CREATE VIEW names WITH (security_invoker = true) AS SELECT company FROM accounts`,
    rows: `INSERT INTO accounts VALUES (1, 'acme')`,
    tables: ['accounts'],
    tenantExpression: TENANT_BY_SLUG,
  },
};

describe('is converted, protected and sound for the audit:', { timeout: 300_000 }, () => {
  it.each(Object.entries(CONVERTED))(
    '%s',
    async (_name, { sql, first, rows = '', tables, tenantExpression }) => {
      const { database, url, prisma } = await makeDatabase(sql, first);
      await database.asSuperuser(rows);
      const before = await auditFindings(url);
      const project = tenantizeProject(url, prisma);
      await tenantize(
        project,
        tables,
        tenantExpression === undefined ? { tenant: 'acme' } : { tenantExpression },
      );
      await applyMigrations(url, prisma);
      await finishTenantize(project, tables);
      await applyMigrations(url, prisma);
      expect(await withClient(url, (client) => wrongTables(client, []))).toEqual([]);
      const found = [...(await auditFindings(url))]
        .filter(([key]) => !before.has(key))
        .map(([, text]) => text);
      expect(found).toEqual([]);
    },
  );
});

const REFUSED: Readonly<Record<string, readonly [sql: string, table: string, sentence: RegExp]>> = {
  'a partitioned table': [
    'CREATE TABLE logs (id bigint, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)',
    'logs',
    /partitioned table.*create a table beside it/,
  ],
  'a partition': [
    `CREATE TABLE logs (id bigint, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
     CREATE TABLE logs_26 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
    'logs_26',
    /partition tree/,
  ],
  'a table under a materialized view': [
    'CREATE TABLE logs (id bigint PRIMARY KEY); CREATE MATERIALIZED VIEW counts AS SELECT count(*) FROM logs',
    'logs',
    /counts: drop the materialized/,
  ],
  'a child of a table': [
    'CREATE TABLE logs (id bigint PRIMARY KEY); CREATE TABLE old_logs (PRIMARY KEY (id)) INHERITS (logs)',
    'old_logs',
    /NO INHERIT/,
  ],
  'a table of an extension': [
    'CREATE TABLE logs (id bigint PRIMARY KEY)',
    'logs',
    /belongs to the extension citext.*a table of your own/,
  ],
  'a table of another schema': [
    'CREATE SCHEMA other; CREATE TABLE other.logs (id bigint PRIMARY KEY)',
    'logs',
    /no table logs in the schema public.*other/,
  ],
  'a table with a tenant_id of its own': [
    'CREATE TABLE logs (id bigint PRIMARY KEY, tenant_id integer)',
    'logs',
    /tenant_id of its own: rename it first/,
  ],
  'a table with a deferrable primary key': [
    'CREATE TABLE logs (id bigint PRIMARY KEY DEFERRABLE)',
    'logs',
    /NOT DEFERRABLE/,
  ],
  'a table that the old role owns': [
    'CREATE TABLE logs (id bigint PRIMARY KEY)',
    'logs',
    /OWNER TO tenantry_owner/,
  ],
};

describe('is refused before anything is written:', () => {
  it.each(Object.entries(REFUSED))('%s', async (name, [sql, table, sentence]) => {
    const isOutside = name.includes('another schema');
    const { database, url, prisma } = await makeDatabase(isOutside ? 'SELECT 1' : sql);
    if (isOutside) await database.asSuperuser(sql);
    if (name.includes('extension')) {
      await database.asSuperuser('CREATE EXTENSION citext; ALTER EXTENSION citext ADD TABLE logs');
    }
    if (name.includes('owns')) await database.asSuperuser(`ALTER TABLE logs OWNER TO ${OLD_ROLE}`);
    const folders = await readdir(join(prisma, 'migrations'));
    const refused = await refusal(tenantize(tenantizeProject(url, prisma), [table], { tenant: 'acme' }));
    expect(refused).toMatch(sentence);
    expect(await readdir(join(prisma, 'migrations'))).toEqual(folders);
  });
});

describe('a partitioned table', () => {
  it('is replaced by hand as the refusal says', async () => {
    const { database, url, prisma } = await makeDatabase(`
      CREATE TABLE logs (id bigint, at date, text text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
      CREATE TABLE logs_26 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`);
    await database.asSuperuser(`INSERT INTO logs VALUES (1, '2026-05-05', 'a')`);
    const before = await auditFindings(url);
    const folder = join(prisma, 'migrations', '29990101000000_by_hand');
    await mkdir(folder);
    await writeFile(
      join(folder, 'migration.sql'),
      `CREATE TABLE new_logs (
         tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES tenants (id) ON DELETE RESTRICT ON UPDATE RESTRICT,
         id bigint, at date, text text, PRIMARY KEY (tenant_id, id, at)
       ) PARTITION BY RANGE (at);
       CREATE TABLE new_logs_26 PARTITION OF new_logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
       LOCK TABLE logs;
       INSERT INTO new_logs SELECT t.id, l.* FROM logs l JOIN tenants t ON t.slug = 'acme';
       DROP TABLE logs;
       ALTER TABLE new_logs RENAME TO logs;
       ALTER TABLE new_logs_26 RENAME TO logs_26;
       SELECT tenantry.protect('logs', 'Log');`,
    );
    await applyMigrations(url, prisma);
    expect(await withClient(url, (client) => wrongTables(client, []))).toEqual([]);
    const found = [...(await auditFindings(url))].filter(([key]) => !before.has(key)).map(([, text]) => text);
    expect(found).toEqual([]);
    expect(
      await database.asSuperuser('SELECT slug, text FROM logs l JOIN tenants t ON t.id = l.tenant_id'),
    ).toEqual([{ slug: 'acme', text: 'a' }]);
  });
});

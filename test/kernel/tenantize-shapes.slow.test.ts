/**
 * Proves that tables of shapes that real databases have can be converted, and that no key is lost on the way: what was
 * unique before is unique in each tenant afterwards.
 */
import { finishTenantize, tenantize, undoTenantize } from '@tenantry/tenantize';
import { describe, expect, it } from 'vitest';
import { tenantizeProject } from '../../src/cli/tenantize-project.js';
import { applyMigrations } from '../../src/kernel/database/migration/migrations.js';
import { withClient } from '../../src/kernel/database/owner-connection.js';
import { refusal, type Shop, useShops } from '../support/shop.js';

const { OLD_ROLE, makeDatabase } = useShops();

const LONG = 'a_table_whose_name_is_as_long_as_those_of_generated_schemas_are';

/** The unique keys and foreign keys of a table, with what they say. */
async function keysOf({ database }: Shop, table: string): Promise<string[]> {
  const rows = await database.asSuperuser<{ key: string }>(
    `SELECT substring(pg_get_indexdef(indexrelid) from 'USING .*')
       || coalesce((SELECT ' ' || substring(pg_get_constraintdef(oid) from 'DEFERRABLE.*') FROM pg_constraint WHERE conindid = indexrelid AND contype = 'u' AND condeferrable), '') AS key
     FROM pg_index WHERE indrelid = $1::regclass AND indisunique AND indisvalid
     UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'f' AND convalidated`,
    [table],
  );
  return rows.map(({ key }) => key).sort();
}

async function convert(
  { url, prisma }: Shop,
  tables: readonly string[],
  rule: { tenant?: string; tenantExpression?: string },
): Promise<string> {
  await tenantize(tenantizeProject(url, prisma), tables, rule);
  await applyMigrations(url, prisma);
  const { models } = await finishTenantize(tenantizeProject(url, prisma), tables);
  await applyMigrations(url, prisma);
  return models;
}

describe('the keys of a converted table', { timeout: 300_000 }, () => {
  const TENANT = 'FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON UPDATE RESTRICT ON DELETE RESTRICT';

  it('are all there, where their names are cut and begin alike', async () => {
    const made = await makeDatabase(`
      CREATE TABLE ${LONG} (id bigint PRIMARY KEY, code text NOT NULL, a integer, b integer, parent bigint, other bigint,
        FOREIGN KEY (parent) REFERENCES ${LONG} (id), FOREIGN KEY (other) REFERENCES ${LONG} (id) ON DELETE CASCADE);
      CREATE UNIQUE INDEX ON ${LONG} (code, a);
      CREATE UNIQUE INDEX ON ${LONG} (code, b);
    `);
    const models = await convert(made, [LONG], { tenant: 'acme' });
    expect(await keysOf(made, LONG)).toEqual([
      TENANT,
      `FOREIGN KEY (tenant_id, other) REFERENCES ${LONG}(tenant_id, id) ON DELETE CASCADE`,
      `FOREIGN KEY (tenant_id, parent) REFERENCES ${LONG}(tenant_id, id)`,
      'USING btree (tenant_id, code, a)',
      'USING btree (tenant_id, code, b)',
      'USING btree (tenant_id, id)',
    ]);
    expect(models).toMatch(/\+ @@unique\(\[tenantId, code, a\], map: "a_table_whose_name_\w{40,}_key"\)/);
    // Two tables whose names differ at the end only.
    const [one, two] = [`${LONG.slice(0, 62)}1`, `${LONG.slice(0, 62)}2`];
    const twins = await makeDatabase(
      `CREATE TABLE ${one} (id bigint PRIMARY KEY); CREATE TABLE ${two} (id bigint PRIMARY KEY REFERENCES ${one} (id));`,
    );
    await convert(twins, [one, two], { tenant: 'acme' });
    expect(await keysOf(twins, two)).toHaveLength(3);
  });

  it('are not confused with other objects of their names, which stay', async () => {
    const made = await makeDatabase(`
      CREATE TABLE things (id bigint PRIMARY KEY, code text UNIQUE);
      CREATE TABLE boxes (id bigint PRIMARY KEY, code text);
      CREATE UNIQUE INDEX things_tenant_id_code_key ON boxes (code);
    `);
    await convert(made, ['things'], { tenant: 'acme' });
    expect(await keysOf(made, 'things')).toEqual([
      TENANT,
      'USING btree (tenant_id, code)',
      'USING btree (tenant_id, id)',
    ]);
    expect(await keysOf(made, 'boxes')).toEqual(['USING btree (code)', 'USING btree (id)']);
  });

  it('keep an object that took a name after the migrations were written', async () => {
    const made = await makeDatabase('CREATE TABLE things (id bigint PRIMARY KEY, code text UNIQUE)');
    const project = tenantizeProject(made.url, made.prisma);
    await tenantize(project, ['things'], { tenant: 'acme' });
    await made.database.asSuperuser(
      'CREATE TABLE boxes (code text); CREATE UNIQUE INDEX things_tenant_id_code_key ON boxes (code)',
    );
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await refusal(applyMigrations(made.url, made.prisma))).toContain('already exists');
    }
    expect(await keysOf(made, 'boxes')).toEqual(['USING btree (code)']);
    await made.database.asSuperuser('DROP TABLE boxes');
    await applyMigrations(made.url, made.prisma);
    // An index is lost between the plan of the second part and its migration.
    await finishTenantize(project, ['things']);
    await made.database.asSuperuser(
      'DROP INDEX things_tenant_id_code_key; CREATE INDEX things_tenant_id_code_key ON things (tenant_id, code)',
    );
    expect(await refusal(applyMigrations(made.url, made.prisma))).toMatch(/finish_things failed/);
    expect(await keysOf(made, 'things')).toContain('USING btree (code)');
  });

  it('stay deferrable, and set no tenant to null', async () => {
    const made = await makeDatabase(`
      CREATE TABLE steps (
        id bigint PRIMARY KEY,
        place integer NOT NULL,
        before bigint REFERENCES steps (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT steps_place_key UNIQUE (place) DEFERRABLE INITIALLY DEFERRED
      )
    `);
    await made.database.asSuperuser(
      `INSERT INTO steps VALUES (1, 1, NULL), (2, 2, 1); GRANT SELECT, UPDATE, DELETE ON steps TO ${OLD_ROLE}`,
    );
    await tenantize(tenantizeProject(made.url, made.prisma), ['steps'], { tenant: 'acme' });
    await applyMigrations(made.url, made.prisma);
    const swap = 'UPDATE steps SET place = 3 - place';
    await withClient(made.oldUrl, (client) => client.query(swap));
    await finishTenantize(tenantizeProject(made.url, made.prisma), ['steps']);
    await applyMigrations(made.url, made.prisma);
    await made.database.asSuperuser(`${swap}; DELETE FROM steps WHERE id = 1`);
    expect(
      await made.database.asSuperuser('SELECT place, before, tenant_id IS NULL AS lost FROM steps'),
    ).toEqual([{ place: 2, before: null, lost: false }]);
    expect(await keysOf(made, 'steps')).toEqual([
      TENANT,
      'FOREIGN KEY (tenant_id, before) REFERENCES steps(tenant_id, id) ON DELETE SET NULL (before) DEFERRABLE INITIALLY DEFERRED',
      'USING btree (tenant_id, id)',
      'USING btree (tenant_id, place) DEFERRABLE INITIALLY DEFERRED',
    ]);
  });
});

describe('a table', { timeout: 300_000 }, () => {
  it('whose tenant is found through a generated column', async () => {
    const made = await makeDatabase(`
      CREATE TABLE papers (id bigint PRIMARY KEY, source jsonb NOT NULL, owner text GENERATED ALWAYS AS (lower(source ->> 'owner')) STORED);
      CREATE UNIQUE INDEX papers_owner_key ON papers (owner, id);
      CREATE TABLE pages (id bigint PRIMARY KEY, ref text, paper bigint GENERATED ALWAYS AS (length(ref)) STORED REFERENCES papers (id));
    `);
    await made.database.asSuperuser(`
      INSERT INTO papers VALUES (1, '{"owner": "ACME"}'), (2, '{"owner": "Globex"}');
      INSERT INTO pages VALUES (1, 'x'), (2, 'xx');
      GRANT SELECT, INSERT, UPDATE ON papers, pages TO ${OLD_ROLE};
    `);
    const tables = ['papers', 'pages'];
    await tenantize(tenantizeProject(made.url, made.prisma), tables, {
      tenantExpression: '(SELECT t.id FROM tenants t WHERE t.slug = papers.owner)',
    });
    await applyMigrations(made.url, made.prisma);
    await withClient(made.oldUrl, async (client) => {
      await client.query(
        `INSERT INTO papers VALUES (3, '{"owner": "globex"}'); INSERT INTO pages VALUES (3, 'xxx')`,
      );
      await client.query(`UPDATE pages SET ref = 'xx' WHERE id = 1`);
      await client.query(`UPDATE papers SET source = '{"owner": "globex"}' WHERE id = 1`);
    });
    const tenants = await made.database.asSuperuser(
      `SELECT papers.id, slug, (SELECT count(*)::integer FROM pages WHERE paper = papers.id AND pages.tenant_id = papers.tenant_id) AS pages
       FROM papers JOIN tenants ON tenants.id = papers.tenant_id ORDER BY papers.id`,
    );
    expect(tenants).toEqual([
      { id: '1', slug: 'globex', pages: 0 },
      { id: '2', slug: 'globex', pages: 2 },
      { id: '3', slug: 'globex', pages: 1 },
    ]);
    await undoTenantize(tenantizeProject(made.url, made.prisma), tables);
  });

  it.each([
    ['was renamed', 'CREATE TABLE sales (id bigint PRIMARY KEY); ALTER TABLE sales RENAME TO deals', 'deals'],
    [
      'was made from a query',
      'CREATE TABLE deals AS SELECT 1::bigint AS id; ALTER TABLE deals ADD PRIMARY KEY (id)',
      'deals',
    ],
    ['is unlogged', 'CREATE UNLOGGED TABLE public."deals" (id bigint PRIMARY KEY)', 'deals'],
    ['is named in camelCase', 'CREATE TABLE "dealLine" ("dealId" bigint PRIMARY KEY)', 'dealLine'],
    [
      'has a name in quotes',
      `CREATE TABLE "Deal's ""lines"" 100%" (id bigint PRIMARY KEY)`,
      `Deal's "lines" 100%`,
    ],
  ])('that %s', async (_shape, sql, table) => {
    const made = await makeDatabase(sql);
    const project = tenantizeProject(made.url, made.prisma);
    await tenantize(project, [table], { tenant: 'acme' });
    expect(await refusal(tenantize(project, [table], { tenant: 'acme' }))).toContain(
      'has migrations that tenantize it',
    );
    await applyMigrations(made.url, made.prisma);
    const undone = await undoTenantize(project, [table]);
    expect(undone.length).toBeGreaterThan(3);
    await applyMigrations(made.url, made.prisma);
    const { models } = await finishTenantize(project, [table]);
    await applyMigrations(made.url, made.prisma);
    const [row] = await made.database.asSuperuser(
      `SELECT relrowsecurity AND relforcerowsecurity AS forced, split_part(encode(tgargs, 'escape'), '\\000', 1) AS entity
       FROM pg_class JOIN pg_trigger ON tgrelid = pg_class.oid AND tgname = 'audit' WHERE relname = $1`,
      [table],
    );
    expect(row).toMatchObject({ forced: true });
    if (table === 'dealLine') {
      expect(row).toMatchObject({ entity: 'DealLine' });
      expect(models).toContain('model DealLine');
    }
  });
});

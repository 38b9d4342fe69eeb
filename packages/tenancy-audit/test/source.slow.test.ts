/** The rules S01 to S04 over application code: what each rule finds, and similar code that it must not flag. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { auditSource, checkSources } from '../src/source/audit-source.js';
import { NAMES, places, one } from './audited-source.js';

describe('S01: tenant set for the whole session', () => {
  it.each([
    ['a literal', `await client.query("SET app.current_tenant = 'x'");`, 'S01 src/a.ts:1:21'],
    [
      'SET SESSION',
      'await db.$executeRaw`SET SESSION app.current_tenant TO ${tenant}`;',
      'S01 src/a.ts:1:22',
    ],
    [
      'set_config',
      `pool.query("SELECT set_config('app.current_tenant', $1, false)", [id]);`,
      'S01 src/a.ts:1:20',
    ],
    [
      'a constant',
      `const NAME = 'app.tenant';\nknex.raw(\`select set_config('\${NAME}', ?, false)\`, [id]);`,
      'S01 src/a.ts:2:18',
    ],
    [
      'a constant statement',
      `const BIND = "select set_config('app.tenant', $1, false)";\npool.query(BIND, [id]);`,
      'S01 src/a.ts:1:22',
    ],
    ['Drizzle', 'await db.execute(sql`select set_config(${name}, ${tenantId}, false)`);', undefined],
    ['concatenation', `q.query("SET app.tenant_id = '" + escapeLiteral(id) + "'");`, 'S01 src/a.ts:1:10'],
    [
      'SQL in several lines',
      'pool.query(`\n  SELECT 1;\n  SET app.current_tenant = 5\n`);',
      'S01 src/a.ts:3:3',
    ],
    [
      'text of an object',
      `pool.query({ text: "select set_config('app.tenant', $1, false)", values });`,
      'S01 src/a.ts:1:28',
    ],
  ])('finds %s', (_what, text, place) => {
    const found = one(text);
    expect(found).toContainEqual(place ?? expect.stringMatching(/^S01 /));
  });

  it.each([
    `client.query("SET LOCAL app.current_tenant = 'x'");`,
    "tx.$executeRaw`select set_config('app.current_tenant', ${tenant}, true)`;",
    `client.query("SET statement_timeout = '5s'");`,
    `client.query('SET hnsw.ef_search = 100');`,
    `client.query("SELECT set_config('search_path', '', false)");`,
    `client.query("UPDATE tenants SET name = 'x' WHERE id = $1");`,
    `// SET app.current_tenant = 'x'`,
    `throw new Error('Set app.current_tenant = your tenant');`,
  ])('leaves alone %s', (text) => {
    expect(one(text)).toEqual([]);
  });

  it('reads SQL files, and the bodies and strings in them', () => {
    expect(
      places({
        'db/enter.sql': [
          'CREATE FUNCTION enter(t uuid) RETURNS void LANGUAGE plpgsql AS $$',
          'BEGIN',
          "  PERFORM set_config('app.current_tenant', t::text, false);",
          "  EXECUTE format('SET app.current_tenant = %L', t);",
          'END $$;',
          "SET app.current_tenant = 'x';",
        ].join('\n'),
        'db/fine.sql': [
          "-- SET app.current_tenant = 'x';",
          "CREATE FUNCTION f() RETURNS void LANGUAGE sql SET app.current_tenant = 'x' AS $$ SELECT 1 $$;",
          'CREATE FUNCTION g(t uuid) RETURNS void LANGUAGE plpgsql AS $body$',
          "BEGIN EXECUTE format('SET LOCAL app.current_tenant = %L', t); END $body$;",
          "UPDATE t SET name = 'set app.current_tenant = 1';",
        ].join('\n'),
      }),
    ).toEqual(['S01 db/enter.sql:3:11', 'S01 db/enter.sql:4:19', 'S01 db/enter.sql:6:1']);
  });
});

describe('S02: unbound client outside its folder', () => {
  const client = `import { PrismaClient } from '@prisma/client';\nexport const prisma = globalThis.prisma ?? new PrismaClient();`;
  const bind =
    "import { prisma } from './client';\nexport const within = (t: string) => prisma.$executeRaw`select set_config('app.tenant', ${t}, true)`;";

  it('finds imports, also through a barrel and an alias, and a second client', () => {
    expect(
      places({
        'src/db/client.ts': client,
        'src/db/index.ts': `export { prisma as root } from './client.js';\nexport * from './within';`,
        'src/db/within.ts': bind,
        'src/routes/a.ts': `import { prisma } from '../db/client.js';`,
        'src/routes/b.ts': `import { root, within } from '@/db';`,
        'src/jobs/c.ts': `import { PrismaClient } from '@prisma/client';\nconst own = new PrismaClient();`,
        'src/pool/pool.ts': `import pg from 'pg';\nexport const pool = new pg.Pool();`,
        'src/routes/d.ts': `import { pool } from '../pool/pool.js';`,
      }),
    ).toEqual([
      'S02 src/routes/a.ts:1:10',
      'S02 src/routes/b.ts:1:10',
      'S02 src/jobs/c.ts:2:13',
      'S02 src/routes/d.ts:1:10',
    ]);
  });

  it('follows a function of the file that makes the client', () => {
    expect(
      places({
        'src/db/client.ts': `import { PrismaClient } from '@prisma/client';\nconst make = () => { return new PrismaClient(); };\nconst db = globalThis.db ?? make();\nexport default db;`,
        'src/db/within.ts': bind.replace('{ prisma }', 'prisma'),
        'src/routes/a.ts': `import db from '../db/client.js';`,
      }),
    ).toEqual(['S02 src/routes/a.ts:1:8']);
  });

  it('does not take a seed for the place of the client, and lets each program of a tree have a client', () => {
    const own = `import { PrismaClient } from '@prisma/client';\nconst prisma = new PrismaClient();`;
    const code = ['prisma/seed.ts', 'src/a.ts', 'worker/src/b.ts', 'worker/src/c/d.ts'].map((path) => ({
      path,
      text: own,
    }));
    const files = [
      ...code,
      { path: 'src/bind.ts', text: "db.$executeRaw`select set_config('app.tenant', ${t}, true)`;" },
    ];
    const report = checkSources(files, [], NAMES, ['', 'worker']);
    expect(report.findings.map(({ object, evidence }) => `${object} ${evidence}`)).toEqual([
      'worker/src/c/d.ts:2 makes a PrismaClient of its own, beside the one in worker/src',
    ]);
  });

  it('leaves alone types, bound clients, seeds, and a project that binds no tenant', () => {
    expect(
      places({
        'src/db/client.ts': client,
        'src/db/within.ts': bind,
        'src/db/bound.ts': `import { PrismaClient } from '@prisma/client';\nexport const db = new PrismaClient().$extends(tenant);`,
        'src/routes/a.ts': `import type { prisma } from '../db/client.js';\nimport { within } from '../db/within.js';\nimport { db } from '../db/bound.js';`,
        'prisma/seed.ts': `import { PrismaClient } from '@prisma/client';\nconst prisma = new PrismaClient();`,
      }),
    ).toEqual([]);
    expect(
      places({ 'src/db/client.ts': client, 'src/routes/a.ts': `import { prisma } from '../db/client.js';` }),
    ).toEqual([]);
  });
});

describe('S03: tenant spliced into the text of a statement', () => {
  it.each([
    [
      'an unsafe method',
      "db.$queryRawUnsafe(`SELECT * FROM t WHERE tenant_id = '${tenantId}'`);",
      'S03 src/a.ts:1:58',
    ],
    [
      'a concatenation',
      `pool.query("SELECT * FROM t WHERE tenant_id = '" + ctx.tenant.id + "'");`,
      'S03 src/a.ts:1:52',
    ],
    [
      'a variable',
      'const sql = `DELETE FROM t WHERE x = ${req.tenantId}`;\nclient.query(sql);',
      'S03 src/a.ts:1:40',
    ],
    [
      'SET LOCAL',
      "tx.$executeRawUnsafe(`SET LOCAL app.current_tenant = '${tenantId}'`);",
      'S03 src/a.ts:1:57',
    ],
    [
      'a schema of the tenant',
      'client.query(`SET LOCAL search_path TO "${tenant.schema}"`);',
      'S03 src/a.ts:1:43',
    ],
    [
      'the column by option',
      'knex.raw(`select 1 from t where account_id = ${accountId}`);',
      'S03 src/a.ts:1:48',
    ],
    ['sql.raw', 'db.execute(sql.raw(`select 1 where x = ${user.orgId}`));', 'S03 src/a.ts:1:42'],
  ])('finds %s', (_what, text, place) => {
    expect(one(text)).toEqual([place]);
  });

  it.each([
    'db.$queryRaw`SELECT * FROM t WHERE tenant_id = ${tenantId}`;',
    'db.execute(sql`SELECT * FROM t WHERE tenant_id = ${tenantId}`);',
    'db.$queryRaw(Prisma.sql`SELECT * FROM t WHERE tenant_id = ${tenantId}`);',
    "pool.query('SELECT * FROM t WHERE tenant_id = $1', [tenantId]);",
    'client.query(`SET LOCAL app.current_tenant = ${client.escapeLiteral(tenantId)}`);',
    "function f(tenantId) { if (!UUID.test(tenantId)) throw new Error(); client.query(`SET LOCAL app.current_tenant = '${tenantId}'`); }",
    "pool.query(`SELECT * FROM t WHERE tenant_id IN (${tenantIds.map((_, i) => `$${i + 1}`).join(',')})`, tenantIds);",
    'pool.query(`SELECT * FROM t WHERE ${TENANT_COLUMN} = $1 AND ${tenantFilter}`, [id]);',
    "pool.query(`SELECT 1 ${tenantId ? 'WHERE tenant_id = $1' : ''}`, [tenantId]);",
    'log.info(`select a plan for ${tenantId}`);',
    'cache.query(`tenant ${tenantId}`);',
  ])('leaves alone %s', (text) => {
    expect(one(text)).toEqual([]);
  });
});

describe('S04: raw method called with a text that is not constant', () => {
  it.each([
    ['db.$queryRawUnsafe(`SELECT * FROM t ORDER BY ${order}`);', 'S04 src/a.ts:1:1'],
    ['db.$executeRawUnsafe(statement);', 'S04 src/a.ts:1:1'],
    [
      "const where = `name = '${name}'`;\ndb.$queryRawUnsafe(`SELECT * FROM t WHERE ${where}`);",
      'S04 src/a.ts:2:1',
    ],
    [
      "const filter = 'name = ' + name;\nconst sql = 'SELECT * FROM t WHERE ' + filter;\ndb.$queryRawUnsafe(sql);",
      'S04 src/a.ts:3:1',
    ],
    ['const sign = signs[operator];\ndb.$queryRawUnsafe(`SELECT 1 ${sign} $1`, n);', 'S04 src/a.ts:2:1'],
    ['const order = await ask();\ndb.$queryRawUnsafe(`SELECT 1 ORDER BY ${order}`);', 'S04 src/a.ts:2:1'],
    [
      'const all = keys.map((key) => `SELECT ${key}`);\ndb.$queryRawUnsafe(all.join(";"));',
      'S04 src/a.ts:2:1',
    ],
  ])('finds %s', (text, place) => {
    expect(one(text)).toEqual([place]);
  });

  it.each([
    "db.$executeRawUnsafe('REFRESH MATERIALIZED VIEW totals');",
    "db.$queryRawUnsafe('SELECT * FROM t WHERE id = $1', id);",
    "const where = 'id = $1';\ndb.$queryRawUnsafe(`SELECT * FROM t WHERE ${where}`, id);",
    'if (!Number.isFinite(size)) throw new Error();\ndb.$queryRawUnsafe(`SELECT * FROM t LIMIT ${size}`);',
    'if (!ORDERS.includes(order)) throw new Error();\ndb.$queryRawUnsafe(`SELECT * FROM t ORDER BY ${order}`);',
    'const Q = `SELECT 1`;\ndb.$queryRawUnsafe(Q);',
    'db.$executeRawUnsafe(`REINDEX TABLE ${escapeIdentifier(table)}`);',
    'const name = escapeIdentifier(table);\ndb.$executeRawUnsafe(`DROP TABLE ${name}`);',
    "const sign = desc ? '<' : '>';\ndb.$queryRawUnsafe(`SELECT * FROM t WHERE n ${sign} $1`, n);",
    'const sign = SIGNS[operator];\ndb.$queryRawUnsafe(`SELECT * FROM t WHERE n ${sign} $1`, n);',
    'const parts = keys.map((_, at) => { return `SELECT 1 FROM t WHERE k = $${at + 1}`; });\ndb.$queryRawUnsafe(parts.join(" UNION "), ...keys);',
    'class Clock { static readonly patience = 20; }\ndb.$executeRawUnsafe(`SET LOCAL lock_timeout = ${Clock.patience}`);',
  ])('leaves alone %s', (text) => {
    expect(one(text)).toEqual([]);
  });
});

describe('S04 in programs that are run by hand', () => {
  it('leaves migrations and scripts alone', () => {
    expect(places({ 'db/migrations/0007/change.ts': 'db.$executeRawUnsafe(statement);' })).toEqual([]);
  });
});

describe('a source tree', () => {
  it('is read without ignored, generated and test files, and the files that were not checked are named', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tenantry-source-'));
    try {
      const bad = `client.query("SET app.current_tenant = 'x'");`;
      const files = {
        '.gitignore': 'ignored/\n',
        'src/a.ts': bad,
        'src/view.tsx': `const view = <p>{"SET app.current_tenant = 'x'"}</p>;`,
        'src/broken.ts': 'const = ;',
        'ignored/b.ts': bad,
        'dist/c.js': bad,
        'node_modules/x/d.js': bad,
        'test/e.ts': bad,
        'src/f.test.ts': bad,
        'worker/g.py': 'pass',
      };
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(directory, path)), { recursive: true });
        await writeFile(join(directory, path), text);
      }
      const files_ = async () => {
        const { findings, notChecked, filesRead } = await auditSource(directory, NAMES);
        return {
          found: findings.map(({ object }) => object),
          notChecked: notChecked.map(({ object }) => object),
          filesRead,
        };
      };
      const rest = ['src/broken.ts', '1 .py file', '2 test files'];
      expect(await files_()).toEqual({
        found: ['ignored/b.ts:1', 'src/a.ts:1', 'src/view.tsx:1'],
        notChecked: rest,
        filesRead: 4,
      });
      execFileSync('git', ['init', '--quiet', directory]);
      expect(await files_()).toEqual({
        found: ['src/a.ts:1', 'src/view.tsx:1'],
        notChecked: rest,
        filesRead: 3,
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('has no findings in this project, except in the recipe that the benchmark measures', async () => {
    const { findings, suppressed, filesRead } = await auditSource('.', {
      columns: ['tenant_id'],
      settings: ['app.current_tenant'],
    });
    expect(findings).toEqual([]);
    const files = suppressed.map(({ finding }) => finding.location?.file);
    // The benchmark may have been deleted from a product's repository.
    expect(files.filter((file) => file !== 'bench/src/peers/recipe.ts')).toEqual([]);
    expect(filesRead).toBeGreaterThan(100);
  });
});

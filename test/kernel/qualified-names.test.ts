/**
 * Proves that the server's own SQL names every table with its schema. PostgreSQL looks up an unqualified name along the
 * session's search_path, and first among its temporary tables, which any SQL on a pooled connection may have left
 * there.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, expect, test } from 'vitest';
import {
  everyObject,
  isObject,
  loadParser,
  parseProcedure,
  parseStatements,
  queriesIn,
} from '../../packages/tenancy-audit/src/sql-parse.js';
import { sqlTextsOf } from '../../packages/tenancy-audit/src/source/sql-text.js';
import { HOLE, sqlTokens } from '../../packages/tenancy-audit/src/source/sql-tokens.js';
import { PATIENT } from '../support/patience.js';
import type { Models } from '../../src/kernel/tenancy/tenant-client.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { contextOf } from '../support/demo-tenants.js';
import { watchStatements } from '../support/statements.js';

const statements = watchStatements();
const database = useDatabase();
let tables: ReadonlySet<string>;
beforeAll(async () => {
  await loadParser();
  const rows = await database().asSuperuser<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'tenantry'::regnamespace) AND relkind = 'r'",
  );
  tables = new Set(rows.map(({ name }) => name));
});

const GENERATED = 'generated/';

const sourceFiles = (): string[] =>
  readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.startsWith(GENERATED),
  );

/**
 * The unqualified names of relations in a text, found with PostgreSQL's parser. Undefined when the text is not a whole
 * statement.
 */
function unqualified(text: string): string[] | undefined {
  const statements = parseStatements(text);
  if (!statements) return undefined;
  const names: string[] = [];
  const own = new Set<string>();
  everyObject(statements, (object) => {
    if (isObject(object['CommonTableExpr'])) own.add(String(object['CommonTableExpr']['ctename']));
  });
  everyObject(statements, (object) => {
    const relation = isObject(object['RangeVar']) ? object['RangeVar'] : object['relation'];
    if (
      isObject(relation) &&
      typeof relation['relname'] === 'string' &&
      relation['schemaname'] === undefined
    ) {
      names.push(relation['relname']);
    }
  });
  return names.filter((name) => !own.has(name));
}

/** The same for a text with unknown parts: names of our tables after a word that precedes a relation. */
function unqualifiedAmong(text: string): string[] {
  const words = sqlTokens(text).map(({ text: word }) => word);
  return words.filter(
    (word, at) =>
      tables.has(word) && ['from', 'join', 'into', 'update', 'table', 'only'].includes(words[at - 1] ?? ''),
  );
}

const findings = (text: string): string[] => {
  // The unknown part is either a value or a name.
  const parsed = unqualified(text.replaceAll(HOLE, 'NULL')) ?? unqualified(text.replaceAll(HOLE, 'a.hole'));
  return [...(parsed ?? []).filter((name) => tables.has(name)), ...unqualifiedAmong(text)];
};

test('in the statements of the server', () => {
  const found: string[] = [];
  let texts = 0;
  for (const path of sourceFiles()) {
    const file = ts.createSourceFile(
      path,
      readFileSync(join('src', path), 'utf8'),
      ts.ScriptTarget.Latest,
      true,
    );
    for (const { text } of sqlTextsOf(file)) {
      texts++;
      for (const name of findings(text)) found.push(`${path}: ${name} in ${text.trim().slice(0, 60)}`);
    }
  }
  expect(texts).toBeGreaterThan(50);
  expect(found).toEqual([]);
});

test.each([
  'SELECT 1 FROM memberships',
  'SELECT 1 FROM public.tenants t JOIN memberships m ON true',
  `WITH own AS (SELECT 1) INSERT INTO api_keys (name) VALUES (${HOLE})`,
  `UPDATE tenants SET name = ${HOLE} ${HOLE}`,
  `DELETE FROM invitations WHERE ${HOLE} AND ${HOLE} ${HOLE}`,
])('are found in %s', (text) => {
  expect(findings(text).length).toBeGreaterThan(0);
});

test('in the functions of the kernel', async () => {
  const functions = await database().asSuperuser<{
    name: string;
    language: string;
    definition: string;
    body: string;
  }>(
    `SELECT p.proname AS name, l.lanname AS language, pg_get_functiondef(p.oid) AS definition, p.prosrc AS body
     FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
     WHERE p.pronamespace = 'tenantry'::regnamespace AND p.prokind IN ('f', 'p') AND l.lanname IN ('sql', 'plpgsql')`,
  );
  expect(functions.length).toBeGreaterThan(20);
  for (const { name, language, definition, body } of functions) {
    const queries = language === 'sql' ? [body] : queriesIn(parseProcedure(definition));
    for (const query of queries) {
      const names = unqualified(query) ?? unqualifiedAmong(query);
      expect(
        names.filter((each) => tables.has(each)),
        `${name}: ${query}`,
      ).toEqual([]);
    }
  }
});

test('in what Prisma writes, and in what is written in its place', async () => {
  const opened = openTestDatabase({ url: database().app, poolSize: 1, limits: PATIENT });
  const db = opened.forTenant(contextOf(await database().tenantId('acme')));
  const work = async ({ membership, invitation, apiKey, tenant, auditEntry }: Models) => {
    await membership.findMany({ include: { tenant: true }, where: { email: { contains: 'a' } } });
    await membership.findMany({ where: { role: 'owner' }, orderBy: { joinedAt: 'asc' } });
    await membership.count({ where: { tenant: { slug: 'acme' } } });
    await membership.groupBy({ by: ['role'], _count: true });
    const { id } = await membership.create({ data: { userId: 'u', email: 'u@acme.test', role: 'viewer' } });
    await membership.updateMany({ where: { id }, data: { role: 'member' } });
    await membership.deleteMany({ where: { id } });
    await invitation.findFirst({ select: { email: true } });
    await apiKey.createMany({ data: [] });
    await tenant.findFirst({ include: { memberships: true, auditEntries: { take: 1 } } });
    await auditEntry.aggregate({ _max: { createdAt: true } });
  };
  try {
    const texts = await statements.during(async () => {
      await work(db);
      await db.transaction(work);
    });
    expect(texts.length).toBeGreaterThan(20);
    // The texts of a batch are joined.
    for (const text of texts) expect(unqualified(text) ?? unqualifiedAmong(text), text).toEqual([]);
  } finally {
    await opened.close();
  }
});

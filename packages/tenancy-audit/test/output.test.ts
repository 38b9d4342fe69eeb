/** The table for people: counts first, repeated findings folded; and the places of findings in migration files. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { asSarif } from '../src/output/sarif.js';
import { readMigrations } from '../src/output/migrations.js';
import { asTable } from '../src/output/table.js';
import type { AuditReport } from '../src/audit.js';
import { SHOP, usePlainDatabase } from './plain-database.js';

const database = usePlainDatabase();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migrations-'));
});
afterAll(() => rm(folder, { recursive: true }));

const many = Array.from(
  { length: 40 },
  (_, at) =>
    `CREATE TABLE t${String(at)} (id uuid PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations, slug text UNIQUE);
     GRANT SELECT, INSERT ON t${String(at)} TO shop_app;`,
).join('');

async function reportOf(sql: string): Promise<AuditReport> {
  return { ...(await database.after(sql)), accepted: [], stale: [] };
}

test('the table begins with the number of findings of each rule, and folds what repeats', async () => {
  const report = await reportOf(SHOP + many);
  const table = asTable(report);
  expect(table.split('\n').slice(0, 3).join('\n')).toMatch(/^FINDINGS\n\n\s+40 {2}critical {2}T01/);
  expect(table.split('\n').length).toBeLessThan(160);
  expect(table).toMatch(/and 3\d more/);
  const whole = asTable(report, { all: true });
  for (const { object } of report.findings) expect(whole).toContain(object);
  expect(whole.split('\n').length).toBeGreaterThan(300);
});

test('SARIF points into the migrations that are given', async () => {
  await writeFile(join(folder, '1_init.sql'), '-- first\nCREATE TABLE orders (\n  id uuid\n);\n');
  await writeFile(
    join(folder, '2_policies.sql'),
    'ALTER TABLE orders ENABLE ROW LEVEL SECURITY;\nCREATE POLICY open ON orders USING (true);\n',
  );
  const report = await reportOf(`${SHOP} CREATE POLICY open ON orders USING (true);
    ALTER TABLE orders ADD email text UNIQUE`);
  const find = await readMigrations(folder);
  expect(find('public.orders.open')).toMatchObject({ line: 2 });
  expect(find('public.orders')).toMatchObject({ line: 2 });
  expect(find('public.unknown')).toBeUndefined();
  expect(asSarif(report, find)).toContain('2_policies.sql');
  expect(asSarif(report)).not.toContain('2_policies.sql');
});

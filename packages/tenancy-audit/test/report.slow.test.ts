/**
 * The output of the audit: every format contains all findings, SARIF conforms to its schema, the proposed SQL repairs
 * what was found, a baseline expires, and the exit code agrees with the report.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import ajvFormats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { auditCatalog, type AuditReport } from '../src/audit.js';
import { judge, parseBaseline } from '../src/baseline.js';
import { DEADLINES, fingerprintOf, SEVERITIES, type Finding } from '../src/finding.js';
import { asMigration } from '../src/fix-sql.js';
import { LIMITS } from '../src/limits.js';
import { asJson } from '../src/output/json.js';
import { asMarkdown } from '../src/output/markdown.js';
import { asSarif } from '../src/output/sarif.js';
import { asTable } from '../src/output/table.js';
import { ALL_RULES } from '../src/all-rules.js';
import { linesOf, useAuditedDatabase } from './audited-database.js';
import { endChildrenAfterAll, runChild } from '../../../test/support/child.js';
import { tenantry } from '../../../test/support/running-server.js';

endChildrenAfterAll();
const database = useAuditedDatabase();
const tenantryAudit = (...args: string[]) => runChild('packages/tenancy-audit/src/main.ts', args, {});

/** A database with findings of each severity, most of which SQL can repair. */
const BROKEN = `
  CREATE TABLE "odd | <b>name</b>" (tenant_id uuid NOT NULL REFERENCES tenants, id uuid NOT NULL, slug text, PRIMARY KEY (tenant_id, id));
  SELECT tenantry.isolate('"odd | <b>name</b>"');
  ALTER TABLE "odd | <b>name</b>" OWNER TO tenantry_owner, ADD UNIQUE (slug);
  CREATE POLICY support ON "odd | <b>name</b>" FOR SELECT USING (true);
  ALTER TABLE memberships DISABLE ROW LEVEL SECURITY;
  ALTER TABLE invitations NO FORCE ROW LEVEL SECURITY;
  CREATE VIEW everybody AS SELECT * FROM api_keys; GRANT SELECT ON everybody TO tenantry_app;
  CREATE MATERIALIZED VIEW copied AS SELECT * FROM api_keys; GRANT SELECT ON copied TO tenantry_app;
  CREATE FUNCTION all_keys() RETURNS SETOF api_keys LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT * FROM public.api_keys';
  ALTER ROLE tenantry_app SET app.current_tenant = '018f0000-0000-7000-8000-000000000000';
  GRANT tenantry_operator TO tenantry_app;
  GRANT TRUNCATE, TRIGGER ON api_keys TO tenantry_app;
  DROP TRIGGER append_only_truncate ON audit_log;
  CREATE TABLE feedback (id int PRIMARY KEY); GRANT SELECT, INSERT ON feedback TO tenantry_app;
  CREATE TABLE quiet (tenant_id uuid NOT NULL REFERENCES tenants, id uuid NOT NULL, PRIMARY KEY (id, tenant_id));
  ALTER TABLE quiet ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; GRANT SELECT ON quiet TO tenantry_app`;

const APP = { appRoles: ['tenantry_app'] };

const IN_SOURCE: Finding = {
  rule: ALL_RULES.find(({ id }) => id === 'S01')!,
  object: 'src/jobs/sync it.ts:12',
  evidence: "SET app.current_tenant = 'a'",
  advice: 'Use SET LOCAL.',
  location: { file: 'src/jobs/sync it.ts', line: 12, column: 3 },
};

async function brokenReport(): Promise<AuditReport> {
  const report = await database.after(BROKEN, APP);
  const [accepted, ...findings] = report.findings;
  return {
    ...report,
    findings: [...findings, IN_SOURCE],
    accepted: [{ finding: accepted!, reason: 'until the operator has a login', expires: '2030-01-31' }],
    stale: [{ fingerprint: 'T01 public.gone', reason: 'it was small', expires: '2030-01-31' }],
    notChecked: [{ rule: 'T11', object: 'public.lines.key', reason: 'counting took longer than 2 s' }],
  };
}

describe('every format', () => {
  test.each([
    ['table', (report: AuditReport) => asTable(report, { all: true })],
    ['json', asJson],
    ['sarif', asSarif],
    ['markdown', asMarkdown],
  ])(
    '%s contains every finding, what was accepted, what was not checked, and the limits',
    async (_, print) => {
      const report = await brokenReport();
      const plain = print(report)
        .replace(/\\+(?=[^a-z\s])/gi, '')
        .replace(/\s+/g, ' ');
      const expected = [
        ...report.findings.flatMap(({ rule, object, evidence, fix, advice }) => [
          rule.id,
          rule.title,
          rule.why,
          DEADLINES[rule.severity],
          object,
          evidence,
          fix?.split('\n')[0] ?? '',
          advice ?? '',
        ]),
        'until the operator has a login',
        'T01 public.gone',
        'counting took longer than 2 s',
        ...LIMITS,
      ];
      // JSON escapes quotation marks with backslashes, which are removed above.
      for (const text of expected) expect(plain).toContain(text.replace(/\\n/g, ' ').replace(/\s+/g, ' '));
      expect(new Set(report.findings.map(({ rule }) => rule.severity))).toEqual(new Set(SEVERITIES));
    },
  );

  test('SARIF is valid against the schema of OASIS', async () => {
    const text = readFileSync(new URL('sarif-schema-2.1.0.json', import.meta.url), 'utf8');
    // The schema is of draft 4. The keywords that it uses mean the same in draft 7, except that `id` is called `$id`.
    const schema = JSON.parse(text.replace(/"\$schema": "[^"]*",/, '').replace('"id":', '"$id":')) as object;
    const ajv = new Ajv({ strict: false, allErrors: true });
    ajvFormats.default(ajv);
    const validate = ajv.compile(schema);
    const log: unknown = JSON.parse(asSarif(await brokenReport()));
    expect(validate(log) ? [] : validate.errors).toEqual([]);
    expect(validate({ version: '2.1.0', runs: [{ tool: {}, results: [] }] })).toBe(false);
  });

  test('the table fits into 100 columns, except for SQL', async () => {
    const isSql = (line: string): boolean => /^ {5}(fix {3}| {6})\S/.test(line);
    const wide = asTable(await brokenReport())
      .split('\n')
      .filter((line) => line.length > 100 && !isSql(line));
    expect(wide).toEqual([]);
  });

  test('the table passes on no terminal control characters from a database', async () => {
    const report = await brokenReport();
    const findings = report.findings.map((finding) => ({
      ...finding,
      object: 'public."a\u001b[2Jb\u009b1m"',
    }));
    expect(asTable({ ...report, findings })).toMatch(/a�\[2Jb�1m/);
    expect(asTable({ ...report, findings })).not.toMatch(/[^\P{Cc}\n]/u);
  });

  test('Markdown passes on no markup from a database', async () => {
    const prose = asMarkdown(await brokenReport()).replace(/```sql[\s\S]*?```|`[^`]*`/g, '');
    expect(prose).not.toMatch(/(?<!\\)[<>|]/);
  });
});

test('the proposed migration repairs every finding that has a fix', async () => {
  await database.broken(async (client) => {
    await client.query(BROKEN);
    const { report } = await auditCatalog(client, APP);
    await client.query(asMigration({ ...report, accepted: [], stale: [] }));
    const unmended = linesOf({ findings: report.findings.filter(({ fix }) => fix === undefined) });
    expect(linesOf((await auditCatalog(client, APP)).report)).toEqual(unmended);
    expect(report.findings.length).toBeGreaterThan(unmended.length + 8);
  });
});

test('no name in the database becomes a statement of the proposed migration', async () => {
  await database.broken(async (client) => {
    const table = 'public."notes\nDROP TABLE public.bystanders; --"';
    await client.query(`
      CREATE TABLE public.bystanders (id int);
      CREATE TABLE ${table} (tenant_id uuid NOT NULL REFERENCES public.tenants, id uuid, PRIMARY KEY (tenant_id, id));
      GRANT SELECT ON ${table} TO tenantry_app`);
    const { report } = await auditCatalog(client, APP);
    expect(report.findings.map(({ rule, object }) => [rule.id, object])).toContainEqual(['T01', table]);
    await client.query(asMigration({ ...report, accepted: [], stale: [] }));
    const { rows } = await client.query("SELECT to_regclass('public.bystanders') IS NOT NULL AS spared");
    expect(rows).toEqual([{ spared: true }]);
  });
});

describe('a baseline', () => {
  const findings = ['public.a', 'public.b'].map((object): Finding => ({
    ...IN_SOURCE,
    object,
    location: undefined,
  }));
  const entry = (fingerprint: string, expires = '2026-12-31') => ({ fingerprint, reason: 'known', expires });

  test('accepts a finding until its expiry date, and no longer', () => {
    const baseline = [entry('S01 public.a')];
    expect(judge(findings, baseline, '2026-12-31')).toMatchObject({
      findings: [{ object: 'public.b' }],
      accepted: [{ finding: { object: 'public.a' } }],
      stale: [],
    });
    const [back] = judge(findings, baseline, '2027-01-01').findings;
    expect(back).toMatchObject({ object: 'public.a' });
    expect(back?.evidence).toContain('accepted until 2026-12-31 (known)');
  });

  test('reports entries that match no finding', () => {
    expect(judge(findings, [entry('S01 public.c')], '2026-01-01').stale).toEqual([entry('S01 public.c')]);
  });

  test('recognises a finding in code after lines were added above it', () => {
    const moved: Finding = {
      ...IN_SOURCE,
      object: 'src/jobs/sync it.ts:99',
      location: { file: 'src/jobs/sync it.ts', line: 99, column: 1 },
    };
    expect(fingerprintOf(moved)).toBe(fingerprintOf(IN_SOURCE));
    expect(fingerprintOf({ ...moved, evidence: 'something else' })).not.toBe(fingerprintOf(IN_SOURCE));
  });

  test.each([
    ['no JSON', '{', /no JSON/],
    ['no reason', JSON.stringify({ accepted: [{ ...entry('x'), reason: ' ' }] }), /reason/],
    ['no day', JSON.stringify({ accepted: [{ fingerprint: 'x', reason: 'y' }] }), /expires/],
    ['no such day', JSON.stringify({ accepted: [entry('x', '2026-02-31')] }), /expires/],
    ['something unknown', JSON.stringify({ accepted: [{ ...entry('x'), until: 'ever' }] }), /until/],
  ])('with %s is refused', (_, text, message) => {
    expect(() => parseBaseline(text)).toThrow(message);
  });
});

test('the exit code depends on severity, and the application’s privileges suffice', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-audit-'));
  try {
    const { app } = database.clone();
    await database
      .clone()
      .asSuperuser(
        'CREATE TABLE feedback (id int PRIMARY KEY); GRANT SELECT, INSERT ON feedback TO tenantry_app',
      );
    const baseline = join(folder, 'baseline.json');
    await writeFile(
      baseline,
      JSON.stringify({
        accepted: [{ fingerprint: 'T17 public.feedback', reason: 'anonymous', expires: '2000-01-01' }],
      }),
    );
    const [failed, passed, misused] = await Promise.all([
      tenantryAudit(app, '--format', 'json', '--baseline', baseline),
      tenantryAudit('--database-url', app, '--fail-on', 'critical'),
      // `tenantry audit` runs the same command.
      tenantry(['audit', '--database-url', app, '--app-role', 'nobody']),
    ]);
    expect(failed).toMatchObject({ code: 1 });
    expect(failed.stderr).toContain('Detected application role: tenantry_app');
    const { findings } = JSON.parse(failed.stdout) as {
      findings: { fingerprint: string; evidence: string }[];
    };
    expect(findings).toMatchObject([{ fingerprint: 'T17 public.feedback' }]);
    expect(findings[0]!.evidence).toContain('it was accepted until 2000-01-01 (anonymous)');
    expect(passed).toMatchObject({ code: 0 });
    expect(passed.stdout).toContain('0 critical, 1 major, 0 minor');
    expect(misused).toMatchObject({ code: 2, stdout: '', stderr: 'There is no role "nobody".\n' });
  } finally {
    await rm(folder, { recursive: true });
  }
}, 60_000);

test('the command reports wrong arguments in one line', async () => {
  const nowhere = 'postgresql://reader:secret@127.0.0.1:1/shop';
  const [none, two, unreachable, noUrl] = await Promise.all([
    tenantryAudit(),
    tenantryAudit(nowhere, '--database-url', nowhere),
    tenantryAudit(nowhere),
    tenantryAudit('shop'),
  ]);
  expect(none).toMatchObject({
    code: 2,
    stderr: 'error: which database? Give its URL: postgresql://user@host/database\n',
  });
  expect(two).toMatchObject({ code: 2, stderr: 'error: the URL of the database is given twice\n' });
  expect(unreachable).toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'PostgreSQL at 127.0.0.1:1 cannot be reached (ECONNREFUSED).\n',
  });
  expect(noUrl).toMatchObject({
    code: 1,
    stderr: 'The URL of the database is not of the form postgres://user:password@host:5432/database.\n',
  });
}, 60_000);

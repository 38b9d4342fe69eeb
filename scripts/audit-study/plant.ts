/** Plants each defect into the databases of the study, each in a transaction that is rolled back, and counts what is found. */
import pg from 'pg';
import { auditCatalog } from '../../packages/tenancy-audit/src/audit.js';
import { fingerprintOf, type Finding } from '../../packages/tenancy-audit/src/finding.js';
import { callerOf, gradeOf, mayWrite, policiesFor } from '../../packages/tenancy-audit/src/policies.js';
import { tenantTables } from '../../packages/tenancy-audit/src/tenancy.js';
import { quoteName } from '../../packages/tenancy-audit/src/sql-text.js';
import { roleOf, urlOf } from './build.js';
import { FOOTGUNS, type Footgun, type Ground } from './footguns.js';
import { databaseOf, type Project } from './projects.js';

/** Rules that many changes break besides the one that matters. */
const BESIDES = /^T(16|18|27|30|31|34|35|36)$/;

/** Prints, for each project, how many defects were found and which were not. */
export async function plant(projects: readonly Project[], server: string): Promise<void> {
  const totals = { planted: 0, found: 0 };
  for (const project of projects) {
    const client = new pg.Client(urlOf(server, databaseOf(project)));
    await client.connect();
    try {
      const ground = await groundOf(client, project);
      if (!ground) {
        console.log(`${project.name}: no isolated tenant table`);
        continue;
      }
      const missed: string[] = [];
      let planted = 0;
      for (const footgun of FOOTGUNS) {
        if (footgun.supabase === true && project.supabase !== true) continue;
        const outcome = await isFound(client, project, ground, footgun);
        if (outcome === 'not planted') continue;
        planted += 1;
        if (outcome === 'missed') missed.push(footgun.name);
      }
      totals.planted += planted;
      totals.found += planted - missed.length;
      console.log(
        `${project.name} (${ground.table}): ${planted - missed.length} of ${planted}; missed: ${missed.join('; ') || 'none'}`,
      );
    } finally {
      await client.end();
    }
  }
  console.log(`Found ${totals.found} of ${totals.planted}`);
}

/** The first tenant table whose policies isolate the role, without any finding that is critical. */
async function groundOf(client: pg.Client, project: Project): Promise<Ground | undefined> {
  const role = roleOf(project);
  await client.query('BEGIN');
  const { catalog, report } = await auditCatalog(client, { appRoles: [role] });
  await client.query('ROLLBACK');
  const { settings, findings } = report;
  const caller = callerOf(catalog, role);
  for (const { table, column, isRegistry } of tenantTables(catalog, settings)) {
    const { permissive, restrictive } = policiesFor(catalog, table, role, 'SELECT');
    const own = permissive.find(
      ({ using }) => using !== undefined && gradeOf(catalog, settings, table, using, caller) === 'linked',
    );
    const flawed = findings.some(
      ({ rule, object }) => rule.severity === 'critical' && object.startsWith(table.qualified),
    );
    if (
      !own ||
      restrictive.length > 0 ||
      !mayWrite(catalog, role, table, ['INSERT']) ||
      flawed ||
      isRegistry ||
      table.kind !== 'table' ||
      !table.rowSecurity
    )
      continue;
    return {
      table: table.qualified,
      column: quoteName(column.name),
      type: column.type,
      own: own.using!,
      role,
      setting: settings.tenantSettings.find((name) => !name.startsWith('request.')) ?? 'request.jwt.claims',
    };
  }
  return undefined;
}

async function isFound(
  client: pg.Client,
  project: Project,
  ground: Ground,
  footgun: Footgun,
): Promise<'found' | 'missed' | 'not planted'> {
  const role = roleOf(project);
  const audited = async (): Promise<readonly Finding[]> =>
    (await auditCatalog(client, { appRoles: [role] })).report.findings;
  await client.query('BEGIN');
  try {
    const before = new Set((await audited()).map(contentOf));
    try {
      const schema = ground.table.split('.')[0]!;
      await client.query(
        `SET LOCAL search_path = public, extensions; ${footgun.plant(ground).replaceAll('public.planted', `${schema}.planted`)}`,
      );
    } catch (error) {
      console.log(`  ${footgun.name}: ${error instanceof Error ? error.message : String(error)}`);
      return 'not planted';
    }
    const object = footgun.object?.replace('ROLE', ground.role) ?? ground.table;
    const found = (await audited()).filter(
      (finding) =>
        !before.has(contentOf(finding)) &&
        !BESIDES.test(finding.rule.id) &&
        `${finding.object} ${finding.evidence}`.includes(object),
    );
    return found.length > 0 ? 'found' : 'missed';
  } finally {
    await client.query('ROLLBACK');
  }
}

/** A finding that says more than before counts as new. */
function contentOf(finding: Finding): string {
  return `${fingerprintOf(finding)} ${finding.evidence}`;
}

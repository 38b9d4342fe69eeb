/** Runs versions of the audit, and splinter, on the databases of the study, and prints counts. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import pg from 'pg';
import { roleOf, urlOf } from './build.js';
import { databaseOf, type Project } from './projects.js';

const run = promisify(execFile);

interface Compared {
  readonly before?: string | undefined;
  readonly after: string;
  /** The file splinter.sql. */
  readonly splinter?: string | undefined;
  /** A folder outside of the repository for the reports. */
  readonly out?: string | undefined;
}

interface Report {
  readonly settings: {
    readonly tenantColumns: readonly string[];
    /** Columns of other names that reference the table of the tenants, by table. */
    readonly otherColumns?: Readonly<Record<string, string>>;
  };
  readonly findings: readonly { readonly rule: string; readonly severity: string; readonly object: string }[];
}

/** Prints a line for each project: findings, critical ones, the detected columns, and whether they are right. */
export async function compare(
  projects: readonly Project[],
  server: string,
  { before, after, splinter, out }: Compared,
): Promise<void> {
  const lints = splinter === undefined ? undefined : await readFile(splinter, 'utf8');
  const versions = before === undefined ? { after } : { before, after };
  const byRule = new Map<string, number>();
  const byLint = new Map<string, number>();
  const right = new Map<string, number>();
  if (out !== undefined) await mkdir(out, { recursive: true });
  for (const project of projects) {
    const cells: string[] = [];
    for (const [version, dist] of Object.entries(versions)) {
      const { text, report } = await audited(dist, project, server);
      if (out !== undefined) await writeFile(join(out, `${databaseOf(project)}.${version}.json`), text);
      for (const { rule } of report?.findings ?? []) count(byRule, `${version} ${rule}`);
      const isRight = report !== undefined && detectsRightly(project, report);
      if (isRight) count(right, version);
      cells.push(
        `${version}: ${report === undefined ? 'failed' : summaryOf(report)} ${isRight ? 'right' : 'WRONG'}`,
      );
    }
    if (lints !== undefined) {
      const found = await lint(urlOf(server, databaseOf(project)), lints);
      if (out !== undefined) {
        await writeFile(join(out, `${databaseOf(project)}.splinter.json`), JSON.stringify(found, null, 2));
      }
      for (const { name } of found) count(byLint, name);
      cells.push(`splinter: ${found.length}`);
    }
    console.log(`${project.name} ${project.part ?? ''} | ${cells.join(' | ')}`);
  }
  console.log(`\nDetection right of ${projects.length}: ${inOrder(right)}`);
  console.log(`Findings: ${inOrder(byRule)}`);
  if (lints !== undefined) console.log(`splinter: ${inOrder(byLint)}`);
}

async function audited(
  dist: string,
  project: Project,
  server: string,
): Promise<{ readonly text: string; readonly report: Report | undefined }> {
  const url = urlOf(server, databaseOf(project));
  const options = [url, '--format', 'json', '--app-role', roleOf(project)];
  // The first versions have no such option, and do not probe.
  const text = (await printed(dist, [...options, '--no-probe'])) || (await printed(dist, options));
  return { text, report: text.startsWith('{') ? (JSON.parse(text) as Report) : undefined };
}

/** What it prints; it exits with 1 for findings. */
async function printed(dist: string, options: readonly string[]): Promise<string> {
  return run(process.execPath, [join(dist, 'main.js'), ...options], { maxBuffer: 2 ** 28 }).then(
    ({ stdout }) => stdout,
    (error: unknown) => (error instanceof Error && 'stdout' in error ? String(error.stdout) : ''),
  );
}

/** The detected columns are those that a person named, whatever their case and underscores. */
function detectsRightly({ tenant }: Project, { settings }: Report): boolean {
  const plain = (name: string): string => name.toLowerCase().replaceAll('_', '');
  const found = new Set(
    [...settings.tenantColumns, ...Object.values(settings.otherColumns ?? {})].map(plain),
  );
  const wanted = new Set(tenant.map(plain));
  // Columns of other names are detected because they reference the tenants, and need not be named.
  const main = settings.tenantColumns.map(plain);
  return [...wanted].every((name) => found.has(name)) && main.every((name) => wanted.has(name));
}

function summaryOf({ findings, settings }: Report): string {
  const critical = findings.filter(({ severity }) => severity === 'critical').length;
  return `${findings.length} findings, ${critical} critical, ${settings.tenantColumns.join('+') || 'no column'}`;
}

async function lint(url: string, sql: string): Promise<readonly { readonly name: string }[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    // Without it, splinter looks at no schema for what the API shows.
    await client.query("BEGIN READ ONLY; SET LOCAL pgrst.db_schemas = 'public'");
    const results = (await client.query(sql)) as unknown as
      pg.QueryResult<{ name: string }>[] | pg.QueryResult<{ name: string }>;
    return [results].flat().at(-1)!.rows;
  } finally {
    await client.end();
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function inOrder(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, number]) => `${key} ${number}`)
    .join(', ');
}

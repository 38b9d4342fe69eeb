/**
 * Builds the databases of the study: reads the SQL files of a project from a bare git repository, and applies them
 * statement by statement. A statement that fails is counted and left out; no file is written.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { databaseOf, type Project } from './projects.js';

const APPLICATION_ROLE = 'study_app';
const run = promisify(execFile);

export interface Built {
  readonly statements: number;
  readonly failed: number;
  /** The messages of what failed, for whoever extends the loader. */
  readonly errors: readonly string[];
}

/** The role as which the audit judges a project. */
export function roleOf({ role }: Project): string {
  return role ?? APPLICATION_ROLE;
}

/** The URL of another database of the same server. */
export function urlOf(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

/**
 * Makes the project's database anew.
 *
 * @param mirrors the folder with a bare repository for each project, `owner+name/repo`
 * @param server the URL of a superuser
 * @throws Error when the repository lacks the commit, or the server cannot be reached
 */
export async function build(project: Project, mirrors: string, server: string): Promise<Built> {
  const database = databaseOf(project);
  await withClient(server, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${database} TEMPLATE template0`);
  });
  const url = urlOf(server, database);
  const repository = join(mirrors, project.name.replace('/', '+'), 'repo');
  return withClient(url, async (client) => {
    client.on('error', () => undefined);
    const errors: string[] = [];
    const apply = async (statement: string): Promise<void> => {
      await client.query(statement).catch(async (error: unknown) => {
        errors.push(error instanceof Error ? error.message : String(error));
        await client.query('ROLLBACK');
      });
    };
    await client.query('SET check_function_bodies = off; SET client_min_messages = error');
    if (project.supabase === true) {
      await client.query(await readFile(new URL('platform.sql', import.meta.url), 'utf8'));
      await client.query(`ALTER DATABASE ${database} SET search_path = "$user", public, extensions`);
    }
    if (project.first !== undefined) await client.query(project.first);
    let statements = 0;
    if (project.form === 'psql') await byPsql(project, repository, url);
    else {
      for (const text of filesOf(project, repository)) {
        await client.query(`RESET ALL; SET check_function_bodies = off; SET client_min_messages = error`);
        if (project.supabase === true) await client.query('SET search_path = "$user", public, extensions');
        for (const statement of statementsOf(text)) {
          statements += 1;
          await apply(statement);
        }
      }
    }
    await client.query('RESET ALL');
    if (project.role === undefined) await client.query(GRANT_ALL);
    return { statements, failed: errors.length, errors };
  });
}

const GRANT_ALL = `
DO $$
DECLARE schema name;
BEGIN
  IF to_regrole('${APPLICATION_ROLE}') IS NULL THEN CREATE ROLE ${APPLICATION_ROLE} LOGIN; END IF;
  FOR schema IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)' LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO ${APPLICATION_ROLE}', schema);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO ${APPLICATION_ROLE}', schema);
  END LOOP;
END $$`;

async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function git(repository: string, ...args: readonly string[]): string {
  return execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8', maxBuffer: 2 ** 28 });
}

function filesOf(project: Project, repository: string): readonly string[] {
  const paths = git(repository, 'ls-tree', '-r', '--name-only', project.commit)
    .split('\n')
    .filter((path) => path.endsWith('.sql') && project.files.test(path))
    .sort(project.supabase === true || project.form === 'prisma' ? undefined : byNumber);
  const read = (path: string): string => git(repository, 'show', `${project.commit}:${path}`);
  if (project.form === 'logto') return ofLogto(paths, read);
  const texts = paths.map(read).map(project.amend ?? ((text) => text));
  return project.form === 'up' ? texts.map(onlyUp) : texts;
}

/** Most number their migrations: 2 goes before 10. Those of Supabase and Prisma come in the order of their characters. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

function onlyUp(text: string): string {
  return text.split(/^-- *(?:\+goose down|migrate:down|down migration)\b/im)[0]!;
}

function ofLogto(paths: readonly string[], read: (path: string) => string): readonly string[] {
  const named = new Map(paths.map((path) => [path.split('/').at(-1)!, read(path)]));
  const after = named.get('_after_each.sql') ?? '';
  const tables = [...named].filter(([name]) => !/^_(before|after)_/.test(name));
  const orderOf = (text: string): number => Number(/init_order = ([\d.]+)/.exec(text)?.[1] ?? 9);
  const ordered = tables.sort(([a, left], [b, right]) => orderOf(left) - orderOf(right) || (a < b ? -1 : 1));
  return [
    named.get('_before_all.sql') ?? '',
    ...ordered.flatMap(([name, text]) =>
      name.startsWith('_') || text.includes('no_after_each')
        ? [text]
        : [text, after.replaceAll('${name}', name.replace('.sql', ''))],
    ),
    named.get('_after_all.sql') ?? '',
  ].map((text) => text.replaceAll('${database}', 'study').replaceAll('${password}', 'study'));
}

const TOKENS =
  /--[^\n]*|\/\*[\s\S]*?\*\/|\be'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$((?:[a-z_]\w*)?)\$[\s\S]*?\$\1\$|;/gi;
const TRANSACTION =
  /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*(?:begin|commit|rollback|end|start\s+transaction)\b[^;$]*$/i;

/**
 * Splits at semicolons as psql does, so that one statement with an error costs no other. Arrays stand in for vectors,
 * whose extension is not installed. Transactions of the files are left out.
 */
function statementsOf(text: string): readonly string[] {
  const plain = text
    .replaceAll(/\b(?:(?:extensions|public)\.)?"?(?:vector|halfvec)"?\s*\(\s*\d+\s*\)/gi, 'real[]')
    .replaceAll(/^\\.*$/gm, '');
  const statements: string[] = [];
  let start = 0;
  for (const { 0: token, index } of plain.matchAll(TOKENS)) {
    if (token !== ';') continue;
    statements.push(plain.slice(start, index));
    start = index + 1;
  }
  statements.push(plain.slice(start));
  return statements.filter((each) => withoutComments(each).trim() !== '' && !TRANSACTION.test(each));
}

function withoutComments(statement: string): string {
  return statement.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\//g, '');
}

async function byPsql(project: Project, repository: string, url: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'audit-study-'));
  try {
    const archive = join(folder, 'archive.tar');
    git(repository, 'archive', '--output', archive, project.commit);
    execFileSync('tar', ['-xf', archive, '-C', folder]);
    const main = git(repository, 'ls-tree', '-r', '--name-only', project.commit)
      .split('\n')
      .find((path) => project.files.test(path));
    await run('psql', ['-q', '-d', url, '-f', join(folder, main!)], { cwd: join(folder, main!, '..') });
  } finally {
    await rm(folder, { recursive: true });
  }
}

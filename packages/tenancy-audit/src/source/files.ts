/** Lists the files that the source rules read. */
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';

export interface SourceFiles {
  /** Relative paths, with forward slashes, sorted. */
  readonly code: readonly string[];
  readonly sql: readonly string[];
  /** The folders with a package.json, `''` for the audited folder: each may be a separate program. */
  readonly packages: readonly string[];
  /** Files in languages that the rules cannot read, by extension. */
  readonly unread: ReadonlyMap<string, number>;
  /** The number of skipped test files. */
  readonly tests: number;
}

const CODE = /\.[cm]?[jt]sx?$/;
const NOT_READ = /\.(?:vue|svelte|astro|py|rb|go|java|kt|cs|php|rs|ex|exs|scala)$/;
const LEFT_OUT =
  /(?:^|\/)(?:node_modules|dist|build|out|generated|__generated__|vendor|coverage|\.next|\.nuxt|\.output|\.git)\/|\.d\.[cm]?ts$|\.min\.[cm]?js$/;
const TEST =
  /(?:^|\/)(?:tests?|testing|testcontainers|__tests__|__mocks__|spec|e2e|cypress|fixtures)\/|[.-](?:test|spec|e2e-spec|stories)\.\w+$/;

/** Programs that people run by hand on whole databases with another role. */
const MAINTENANCE =
  /(?:^|\/)(?:scripts?|seeds?|seeders|migrations?|bench|benchmarks?|bin|tools)\/|(?:^|\/)seed[^/]*$/;

/** Whether a path, with forward slashes, is that of a program that people run by hand. */
export function isMaintenance(path: string): boolean {
  return MAINTENANCE.test(path);
}

/**
 * Lists a tree: the files that git would commit in a work tree, else all files, without dependencies, generated and
 * built files, and tests, which break isolation on purpose.
 */
export async function listSourceFiles(directory: string): Promise<SourceFiles> {
  const paths = ((await filesOfGit(directory)) ?? (await walk(directory))).filter(
    (path) => !LEFT_OUT.test(path),
  );
  const production = paths.filter((path) => !TEST.test(path)).sort();
  const unread = new Map<string, number>();
  for (const path of production) {
    const extension = NOT_READ.exec(path)?.[0];
    if (extension !== undefined) unread.set(extension, (unread.get(extension) ?? 0) + 1);
  }
  return {
    code: production.filter((path) => CODE.test(path)),
    sql: production.filter((path) => path.endsWith('.sql')),
    packages: paths
      .filter((path) => /(?:^|\/)package\.json$/.test(path))
      .map((path) => path.slice(0, -'/package.json'.length)),
    unread,
    tests: paths.filter((path) => TEST.test(path) && (CODE.test(path) || path.endsWith('.sql'))).length,
  };
}

/** The files that git tracks or would add; `undefined` without git or a work tree. */
async function filesOfGit(directory: string): Promise<string[] | undefined> {
  try {
    const { stdout } = await promisify(execFile)(
      'git',
      ['-C', directory, 'ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '-z'],
      { maxBuffer: 256 * 1024 * 1024 },
    );
    const paths = stdout.split('\0').filter((path) => path !== '');
    // A folder that the surrounding repository ignores has no files in git, but must be audited.
    return paths.length === 0 ? undefined : paths;
  } catch {
    return undefined;
  }
}

async function walk(directory: string): Promise<string[]> {
  const found: string[] = [];
  const pending = [directory];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      const shown = relative(directory, path).split(sep).join('/');
      if (entry.isDirectory() && !LEFT_OUT.test(`${shown}/`)) pending.push(path);
      if (entry.isFile()) found.push(shown);
    }
  }
  return found;
}

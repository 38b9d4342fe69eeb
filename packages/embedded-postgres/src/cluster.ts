/**
 * The cluster: PostgreSQL's data folder. It is created completely or not at all, and an existing one is never deleted
 * or overwritten.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  chown,
  lchown,
  lstat,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';

import { canEnter } from './account.js';
import type { Binaries } from './binaries.js';
import { EmbeddedDatabaseError, unless } from './error.js';
import { openForTraversal, readClusterLocation, syncFolder, writeClusterLocation } from './folder.js';
import { type Account, run } from './process.js';
import { sharedFolder } from './shared-folder.js';

/** The settings of a new cluster. */
export interface ClusterOrder {
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  readonly password: string;
  readonly durable: boolean;
}

/** The cluster of this data folder, complete or not; undefined when it never had one. */
export async function findCluster(folder: string): Promise<string | undefined> {
  const recorded = await readClusterLocation(folder);
  if (recorded !== undefined) return recorded;
  const cluster = path.join(folder, 'pg');
  return (await exists(cluster)) ? cluster : undefined;
}

/** Throws, in one sentence, unless this is a complete cluster of that major version. */
export async function checkCluster(cluster: string, major: number): Promise<void> {
  if (!(await exists(cluster))) {
    throw new EmbeddedDatabaseError(
      `The database folder ${cluster} is gone; put it back, or delete the data folder that names it in "cluster-location" to start with an empty database.`,
    );
  }
  const defect = await defectOf(cluster);
  if (defect !== undefined) {
    throw new EmbeddedDatabaseError(
      `${cluster} is not a complete PostgreSQL data folder (${defect}); restore it from a backup, or move it away to start with an empty database.`,
    );
  }
  const found = (await readFile(path.join(cluster, 'PG_VERSION'), 'utf8')).trim();
  if (found === String(major)) return;
  throw new EmbeddedDatabaseError(
    `The database in ${cluster} was made by PostgreSQL ${found}, but this installation brings PostgreSQL ${String(major)}; dump it with the version that made it, or move the folder away to start with an empty database.`,
  );
}

/** As root: makes sure that the account owns this cluster and can reach it. Throws when it cannot. */
export async function openToAccount(folder: string, cluster: string, account: Account): Promise<void> {
  if ((await stat(cluster)).uid === 0) await giveTree(cluster, account);
  if (await canEnter(account, cluster)) return;
  const inside = path.dirname(cluster) === folder;
  if (inside && (await openForTraversal(folder)) && (await canEnter(account, cluster))) return;
  throw new EmbeddedDatabaseError(
    `PostgreSQL must run as user ${account.name} here, who cannot enter ${cluster}; move the data folder to a place that every user can enter and set TENANTRY_DATA_DIR to it.`,
  );
}

/** Creates the cluster where its account can reach it, and returns the path. Call it only with the start lock. */
export async function createCluster(folder: string, order: ClusterOrder): Promise<string> {
  const target = await placeFor(folder, order.account);
  await removeDrafts(target);
  const draft = `${target}.init-${randomBytes(4).toString('hex')}`;
  try {
    await initialise(draft, order);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
  await syncFolder(path.dirname(target));
  if (path.dirname(target) !== folder) await writeClusterLocation(folder, target);
  return target;
}

async function initialise(
  draft: string,
  { binaries, account, password, durable }: ClusterOrder,
): Promise<void> {
  const passwordFile = `${draft}.password`;
  await mkdir(draft, { mode: 0o700 });
  try {
    await writeFile(passwordFile, `${password}\n`, { flag: 'wx', mode: 0o600 });
    if (account !== undefined) await chown(draft, account.uid, account.gid);
    if (account !== undefined) await chown(passwordFile, account.uid, account.gid);
    const { ok, output } = await run(binaries.initdb, initdbArguments(draft, passwordFile, durable), account);
    if (ok) return;
    throw new EmbeddedDatabaseError(
      `PostgreSQL could not initialise ${draft}; free some disk space or choose another TENANTRY_DATA_DIR, or set DATABASE_URL to use a PostgreSQL of your own. It said:\n${output}`,
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
}

function initdbArguments(draft: string, passwordFile: string, durable: boolean): readonly string[] {
  return [
    `--pgdata=${draft}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth-host=scram-sha-256',
    '--auth-local=scram-sha-256',
    '--encoding=UTF8',
    // Needs no locale of the system and sorts the same everywhere, and upper() and lower() support all of Unicode.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    ...(durable ? [] : ['--no-sync']),
  ];
}

/** In the data folder, unless the account cannot reach that. */
async function placeFor(folder: string, account: Account | undefined): Promise<string> {
  const usual = path.join(folder, 'pg');
  if (account === undefined || (await canEnter(account, folder))) return usual;
  // Only if it helps: below a closed checkout our folder stays closed too.
  const parentOpen = await canEnter(account, path.dirname(folder));
  if (parentOpen && (await openForTraversal(folder)) && (await canEnter(account, folder))) return usual;
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const outside = path.join(await sharedFolder(), name);
  // The data folder was deleted, so the passwords are lost, but we must not delete the data.
  return (await exists(outside)) ? `${outside}-${randomBytes(4).toString('hex')}` : outside;
}

/** Remains of a start that was killed during initdb; a cluster in use has another name. */
async function removeDrafts(target: string): Promise<void> {
  const parent = path.dirname(target);
  const names = await readdir(parent);
  const drafts = names.filter((name) => name.startsWith(`${path.basename(target)}.init-`));
  for (const name of drafts) {
    // The initdb of that start may still be writing; files that it recreates are removed next time.
    await rm(path.join(parent, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

async function defectOf(cluster: string): Promise<string | undefined> {
  const control = await statOf(path.join(cluster, 'global', 'pg_control'));
  const version = await readFile(path.join(cluster, 'PG_VERSION'), 'utf8').catch(
    unless('', 'ENOENT', 'ENOTDIR'),
  );
  if (!/^\d+\s*$/.test(version)) return 'PG_VERSION is missing or empty';
  if (control === undefined) return 'global/pg_control is missing';
  if (control.size !== 8192) return 'global/pg_control is truncated';
  for (const name of ['base', 'pg_wal', 'postgresql.conf', 'pg_hba.conf']) {
    if (!(await exists(path.join(cluster, name)))) return `${name} is missing`;
  }
  return undefined;
}

async function giveTree(place: string, account: Account): Promise<void> {
  await lchown(place, account.uid, account.gid);
  if (!(await lstat(place)).isDirectory()) return;
  for (const name of await readdir(place)) await giveTree(path.join(place, name), account);
}

async function exists(place: string): Promise<boolean> {
  return (await statOf(place)) !== undefined;
}

async function statOf(place: string): Promise<{ readonly size: number } | undefined> {
  return stat(place).catch(unless(undefined, 'ENOENT', 'ENOTDIR'));
}

/**
 * The data folder and the small files in it. All files are readable by their owner only and written completely or not
 * at all, and only `credentials.json` contains secrets.
 */
import { randomBytes } from 'node:crypto';
import {
  type FileHandle,
  chmod,
  mkdir,
  open,
  readFile,
  readdir,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { EmbeddedDatabaseError, errorCode, unless } from './error.js';
import type { ProcessIdentity } from './process.js';

/** The passwords of the superuser and of the three roles, by role name. */
export type Credentials = z.infer<typeof credentialsSchema>;

/** The Node process that is responsible for a server. */
export interface Supervision {
  readonly supervisor: ProcessIdentity;
  readonly server: ProcessIdentity;
}

const password = z.string().min(16);
const credentialsSchema = z.object({
  postgres: password,
  tenantry_owner: password,
  tenantry_app: password,
  tenantry_operator: password,
});
const identitySchema = z.object({ pid: z.int().positive(), started: z.string() });
const supervisionSchema = z.object({ supervisor: identitySchema, server: identitySchema });

const credentialsFile = 'credentials.json';
const markFile = '.tenantry-data';

/** Whether this process is root, which PostgreSQL refuses to run as. Where there are no user ids it is not. */
export function weAreRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * Creates the data folder when it is missing, denies access to other users, and returns its real path. A folder with
 * content that somebody else created keeps its mode.
 */
export async function openDataFolder(dataDir: string): Promise<string> {
  await mkdir(path.dirname(path.resolve(dataDir)), { recursive: true });
  await mkdir(dataDir, { mode: 0o700 }).catch(unless(undefined, 'EEXIST'));
  const folder = await realpath(dataDir);
  if (!(await isOurs(folder))) return folder;
  await markAsOurs(folder);
  const { mode } = await stat(folder);
  // As root, 711 allows PostgreSQL's user to reach its cluster: see openForTraversal.
  const closed = weAreRoot() ? mode & 0o711 : mode & 0o700;
  if ((mode & 0o777) !== closed) await chmod(folder, closed);
  return folder;
}

/** Allows other users to traverse (not list) the data folder; returns false when we must not change its mode. */
export async function openForTraversal(folder: string): Promise<boolean> {
  const { uid } = await stat(folder);
  if (uid !== process.getuid?.() || !(await isOurs(folder))) return false;
  await chmod(folder, 0o711);
  return true;
}

/** The passwords of this data folder; undefined when there are none yet. Throws when the file is damaged. */
export async function readCredentials(folder: string): Promise<Credentials | undefined> {
  const file = path.join(folder, credentialsFile);
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  const parsed = credentialsSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new EmbeddedDatabaseError(
    `${file} is damaged, so nobody can log in to the embedded database; restore that file, or delete ${folder} to start with an empty database.`,
  );
}

/** Generates the passwords, once per data folder. */
export async function createCredentials(folder: string): Promise<Credentials> {
  const credentials: Credentials = {
    postgres: newPassword(),
    tenantry_owner: newPassword(),
    tenantry_app: newPassword(),
    tenantry_operator: newPassword(),
  };
  await writeWhole(folder, credentialsFile, `${JSON.stringify(credentials, undefined, 2)}\n`);
  return credentials;
}

/** The recorded process that is responsible for the server; a damaged record counts as none. */
export async function readSupervision(folder: string): Promise<Supervision | undefined> {
  const text = await readIfThere(path.join(folder, 'supervisor.json'));
  return text === undefined ? undefined : supervisionSchema.safeParse(parseJson(text)).data;
}

/** Records who answers for the server; the file is replaced whole. */
export async function writeSupervision(folder: string, supervision: Supervision): Promise<void> {
  await writeWhole(folder, 'supervisor.json', `${JSON.stringify(supervision, undefined, 2)}\n`);
}

/** The path of a cluster outside the data folder. */
export async function readClusterLocation(folder: string): Promise<string | undefined> {
  const text = await readIfThere(path.join(folder, 'cluster-location'));
  return text?.trim();
}

/** Records where the cluster lies outside the data folder; the file is replaced whole. */
export async function writeClusterLocation(folder: string, location: string): Promise<void> {
  await writeWhole(folder, 'cluster-location', `${location}\n`);
}

/**
 * As root: gives a file in the data folder to the owner of the folder, so that they can continue without root. It takes
 * the open file, because the owner could replace the file of a name.
 */
export async function giveToOwnerOf(folder: string, file: FileHandle): Promise<void> {
  if (!weAreRoot()) return;
  const { uid, gid } = await stat(folder);
  await file.chown(uid, gid);
}

/** Makes renames and new names in a folder survive a power failure. Windows cannot do this, and does not need it. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  if (handle === undefined) return;
  await handle.sync().catch(() => undefined);
  await handle.close();
}

async function writeWhole(folder: string, name: string, text: string): Promise<void> {
  const draft = path.join(folder, `${name}.${randomBytes(4).toString('hex')}.tmp`);
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
      await giveToOwnerOf(folder, handle);
    } finally {
      await handle.close();
    }
    await rename(draft, path.join(folder, name));
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** Whether we may change its mode: by its name, or because it was empty now or at an earlier start. */
async function isOurs(folder: string): Promise<boolean> {
  if (path.basename(folder) === '.tenantry') return true;
  const names = await readdir(folder);
  return names.length === 0 || names.includes(markFile);
}

async function markAsOurs(folder: string): Promise<void> {
  const handle = await open(path.join(folder, markFile), 'wx', 0o600).catch(unless(undefined, 'EEXIST'));
  if (handle === undefined) return;
  try {
    await handle.writeFile(
      'This folder belongs to Tenantry: its embedded database and the passwords to it.\n',
    );
    await giveToOwnerOf(folder, handle);
  } finally {
    await handle.close();
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    // ENOTDIR: the data folder is a file, or below one. Creating it will report this.
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function newPassword(): string {
  // base64url needs no escaping in a URL.
  return randomBytes(24).toString('base64url');
}

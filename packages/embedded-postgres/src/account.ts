/** Chooses the operating-system user for PostgreSQL, which refuses to run as root. */
import { readFile, stat } from 'node:fs/promises';

import { EmbeddedDatabaseError, unless } from './error.js';
import { weAreRoot } from './folder.js';
import { type Account, run } from './process.js';

/**
 * The account for the server: undefined unless we are root; then the owner of an existing cluster, else `postgres`,
 * else `nobody`. Never creates a user. Throws when none of them exists.
 */
export async function accountFor(cluster: string | undefined): Promise<Account | undefined> {
  if (!weAreRoot()) return undefined;
  const owner = cluster === undefined ? undefined : await ownerOf(cluster);
  if (owner !== undefined) return owner;
  const passwd = await readFile('/etc/passwd', 'utf8').catch(unless('', 'ENOENT'));
  const account = entryOf(passwd, 'postgres') ?? entryOf(passwd, 'nobody');
  if (account !== undefined) return account;
  throw new EmbeddedDatabaseError(
    'PostgreSQL refuses to run as root and this system has neither a user "postgres" nor "nobody"; start Tenantry as an ordinary user, or set DATABASE_URL.',
  );
}

/** Whether this account can enter a folder; tested by trying, so that ACLs and mounts count too. */
export async function canEnter(account: Account, folder: string): Promise<boolean> {
  const { ok } = await run('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], account);
  return ok;
}

async function ownerOf(cluster: string): Promise<Account | undefined> {
  const { uid, gid } = await stat(cluster);
  // Root copied a cluster that it owns; it is given to the usual account before use.
  return uid === 0 ? undefined : { uid, gid, name: `uid ${String(uid)}` };
}

function entryOf(passwd: string, name: string): Account | undefined {
  const line = passwd.split('\n').find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  // Uid zero would be root under another name, which PostgreSQL refuses too.
  if (!uid || !gid || Number(uid) === 0) return undefined;
  // macOS has -2 for nobody; the system calls need an unsigned number.
  return { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0, name };
}

/** The folder in which root stores files for PostgreSQL's user when the checkout is closed to that user. */
import { access, chmod, constants, lstat, mkdir } from 'node:fs/promises';

import { EmbeddedDatabaseError, errorCode, unless } from './error.js';

const location = '/var/lib/tenantry';

/**
 * `/var/lib/tenantry`, created when missing: everybody may enter it, only root may write. Throws when it cannot be
 * created, or when it belongs to another user, who could then replace the programs that we run.
 */
export async function sharedFolder(): Promise<string> {
  try {
    const made = await mkdir(location).then(() => true, unless(false, 'EEXIST'));
    // Restores mode bits that the umask removed; an existing folder keeps its mode.
    if (made) await chmod(location, 0o755);
    await access(location, constants.W_OK);
  } catch (error) {
    throw unusable(`cannot be written (${errorCode(error) ?? 'unknown error'})`);
  }
  const found = await lstat(location);
  if (!found.isDirectory() || found.uid !== 0 || (found.mode & 0o022) !== 0) {
    throw unusable('exists but is not a folder that only root can write');
  }
  return location;
}

function unusable(why: string): EmbeddedDatabaseError {
  return new EmbeddedDatabaseError(
    `PostgreSQL refuses to run as root, other users cannot enter this checkout, and ${location} ${why}; start Tenantry as an ordinary user, or set TENANTRY_DATA_DIR to a folder that every user can enter.`,
  );
}

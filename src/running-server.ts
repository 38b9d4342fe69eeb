/**
 * Writes the address of the running server into the data folder, where commands of development find it: its port is
 * another one with PORT. Only for servers with the embedded database, of which a data folder has one.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Read by `tenantry-attack` too. */
const FILE = 'server-url';

/** @returns what to call when the server has ended */
export async function announceServer(dataDir: string, port: number): Promise<() => Promise<void>> {
  const file = join(dataDir, FILE);
  await writeFile(file, `http://localhost:${String(port)}/graphql\n`);
  return () => rm(file, { force: true });
}

/** For servers that tests start themselves and that refuse to run as root. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import process from 'node:process';
import { promisify } from 'node:util';

/** Options for `spawn`: another account than root, or undefined when this process is not root. */
export async function unprivilegedAccount(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const id = async (kind: string) => Number((await promisify(execFile)('id', [kind, 'nobody'])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}

/** Returns a port that no process listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

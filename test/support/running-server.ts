/** Runs the server in a process of its own, as `npm start` does, on a free port. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findEmbedded, startEmbedded } from '@tenantry/embedded-postgres';
import { startChild, runChild, type Child } from './child.js';
import { parseBody, rawPost, type GraphqlBody } from './raw-request.js';

export interface RunningServer extends Child {
  readonly url: string;
  /** The tokens in its start message, by e-mail address. */
  readonly tokens: Readonly<Record<string, string>>;
}

/** Starts the server and waits for its complete start message. */
export async function startServer(
  env: Readonly<Record<string, string>>,
  how?: Parameters<typeof startChild>[3],
): Promise<RunningServer> {
  const child = startChild('src/main.ts', [], { PORT: '0', LOG_LEVEL: 'warn', ...env }, how);
  const [banner, port = ''] = await child.says(
    /Tenantry is running\.[^]*?http:\/\/localhost:(\d+)\/graphql[^]*More tokens: .*\n/,
  );
  const tokens = Object.fromEntries(
    [...banner.matchAll(/(\S+@\S+)\s+Bearer (\S+)/g)].map(([, email = '', token = '']) => [email, token]),
  );
  return Object.assign(child, { url: `http://127.0.0.1:${port}`, tokens });
}

/** Sends a query to a server with a token. */
export async function askServer(
  url: string,
  token: string,
  query: string,
): Promise<GraphqlBody & { readonly status: number }> {
  const answer = await rawPost(`${url}/graphql`, {
    authorization: `Bearer ${token}`,
    body: JSON.stringify({ query }),
  });
  return { status: answer.status, ...parseBody(answer) };
}

/** Runs the `tenantry` command until it ends. */
export const tenantry = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runChild('src/cli/main.ts', args, env);

export const makeDataFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'tenantry-start-'));

/** Stops the database that a failed test left running in a data folder, and removes the folder. */
export async function removeDataFolder(folder: string): Promise<void> {
  if (await findEmbedded(folder)) await (await startEmbedded(folder)).stop();
  // When the tests run as root, the cluster may be outside of the folder.
  const elsewhere = await readFile(join(folder, 'cluster-location'), 'utf8').catch(() => '');
  if (elsewhere.startsWith('/var/lib/tenantry/'))
    await rm(elsewhere.trim(), { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
}

/** What tests with a browser need beside it: pages from another origin than the API, and a server that can be restarted. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { startChild, type Child } from './child.js';
import type { TestDatabase } from './database.js';
import { TEST_SECRET } from './signing.js';
import { METRICS_TOKEN } from './subscriber.js';

export interface Pages {
  /** Their origin. */
  readonly url: string;
  close(): void;
}

/** Serves files by their paths. What has no file gets that of `/`. */
export async function servePages(files: Readonly<Record<string, string>>): Promise<Pages> {
  const server = createServer(({ url = '/' }, response) => {
    const path = Object.hasOwn(files, url) ? url : '/';
    response.setHeader('content-type', path.endsWith('.js') ? 'text/javascript' : 'text/html');
    response.end(files[path]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${String(port)}`, close: () => server.close() };
}

/** Starts the server as in production, at a port that it has again after a restart. */
export async function startServerFor(
  pages: readonly Pages[],
  database: TestDatabase,
  port: number,
): Promise<Child> {
  const child = startChild('src/main.ts', [], {
    NODE_ENV: 'production',
    METRICS_TOKEN,
    HOST: '127.0.0.1',
    PORT: String(port),
    DATABASE_URL: database.app,
    JWT_SECRET: TEST_SECRET,
    CORS_ORIGINS: pages.map(({ url }) => url).join(),
    ...(database.contextKey !== undefined && { CONTEXT_SIGNING_KEY: database.contextKey }),
  });
  await child.says(/Server listening at /);
  return child;
}

/** A token of a demo user of the tenant acme. */
export const tokenOf = async (database: TestDatabase, user: string): Promise<string> =>
  issueToken(
    { tenantId: await database.tenantId('acme'), userId: `demo|acme|${user}`, email: `${user}@acme.test` },
    { secret: TEST_SECRET, issuer: 'tenantry', audience: 'tenantry' },
    3_600,
  );

/** A port that nobody else is given while the server is away: below those that the system gives out. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const isFree = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(false)).on('error', () => resolve(true));
      socket.once('connect', () => socket.destroy());
    });
    if (isFree) return port;
  }
}

/**
 * Several server processes as an installation has them: behind a load balancer, in front of one database through PgBouncer in
 * transaction mode, with one Redis.
 */
import http from 'node:http';
import { afterAll, beforeAll } from 'vitest';
import { startBalancer, type Balancer } from './balancer.js';
import { endChildrenAfterAll, startChild, type Child } from './child.js';
import { useDatabase, type TestDatabase } from './database.js';
import { startPgBouncer, type PgBouncer } from './pgbouncer.js';
import { createTestRedis, type TestRedis } from './redis.js';
import { TEST_ENCRYPTION_KEY, TEST_SECRET } from './server.js';
import { until } from './until.js';

/** A busy machine needs a long time. */
const PATIENCE_MS = 120_000;
const METRICS_TOKEN = 'a-token-for-metrics-of-tests';

export interface ServerProcess extends Child {
  readonly url: string;
}

export interface SeveralServers {
  readonly database: () => TestDatabase;
  readonly balancer: () => Balancer;
  /** Those that run, the oldest first. */
  readonly servers: () => readonly ServerProcess[];
  /** The warnings and errors that all of them have logged so far, for the message of a failed test. */
  complaints(): string;
  /** Starts a new server, and stops the oldest one when the load balancer has it. */
  replaceOldest(): Promise<void>;
}

/** Starts them for the tests of this file. Call it at the top level. */
export function useSeveralServers(count: number, env: Readonly<Record<string, string>>): SeveralServers {
  endChildrenAfterAll();
  const database = useDatabase();
  let balancer: Balancer;
  let pooler: PgBouncer;
  let redis: TestRedis;
  let servers: ServerProcess[] = [];
  const everyServer: ServerProcess[] = [];

  const start = async (): Promise<ServerProcess> => {
    const child = startChild('src/main.ts', [], {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: '0',
      DATABASE_URL: pooler.url,
      DATABASE_LISTEN_URL: database().app,
      REDIS_URL: redis.url,
      // A busy machine must not part the servers.
      REDIS_TIMEOUT_MS: '60000',
      REQUEST_TIMEOUT_MS: '60000',
      JWT_SECRET: TEST_SECRET,
      ENCRYPTION_KEYS: TEST_ENCRYPTION_KEY,
      METRICS_TOKEN,
      AUDIT_ACCESS: 'false',
      // The load balancer has to notice within this time, also on a busy machine.
      DRAIN_SECONDS: '6',
      ...(database().contextKey !== undefined && { CONTEXT_SIGNING_KEY: database().contextKey! }),
      ...env,
    });
    const [, url = ''] = await child.says(/Server listening at (http:\/\/127\.0\.0\.1:\d+)/);
    balancer.add(url);
    const server = Object.assign(child, { url });
    servers.push(server);
    everyServer.push(server);
    return server;
  };
  const knowEachOther = () =>
    until(
      'the servers share their budgets',
      async () => {
        const counts = await Promise.all(
          servers.map(async ({ url }) => {
            const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
            const text = await (await fetch(`${url}/metrics`, { headers })).text();
            return Number(/^tenantry_rates_servers (\d+)$/m.exec(text)?.[1]);
          }),
        );
        return counts.every((each) => each === servers.length);
      },
      PATIENCE_MS,
    );
  const areReady = () =>
    until(
      'the load balancer has them all',
      () => servers.every(({ url }) => balancer.ready.includes(url)),
      PATIENCE_MS,
    );

  beforeAll(async () => {
    [balancer, pooler, redis] = await Promise.all([
      startBalancer(),
      startPgBouncer(database().app, 4 * count),
      createTestRedis(),
    ]);
    await redis.start();
    await Promise.all(Array.from({ length: count }, start));
    await areReady();
    await knowEachOther();
  }, PATIENCE_MS);
  afterAll(async () => {
    for (const server of servers) server.kill('SIGKILL');
    await Promise.all(servers.map(({ ended }) => ended));
    await balancer.close();
    await pooler.stop();
    await redis.close();
  });

  return {
    database,
    balancer: () => balancer,
    servers: () => servers,
    complaints: () =>
      everyServer
        .flatMap(({ pid, stdout }) =>
          stdout
            .split('\n')
            .flatMap((line) => (/"level":[45]0/.test(line) ? [`${String(pid)} ${line}`] : [])),
        )
        .join('\n'),
    async replaceOldest() {
      await start();
      await areReady();
      const [oldest, ...others] = servers;
      servers = others;
      oldest!.kill('SIGTERM');
      const { code, stdout } = await oldest!.ended;
      if (code !== 0 || stdout.includes('cut off'))
        throw new Error(`a server ended with ${String(code)}: ${stdout}`);
    },
  };
}

/** Load on a URL, and what was answered. */
export interface Load {
  /** How many answers had data. */
  readonly good: number;
  /** What else was answered, and failures of connections; without answers of a server that found its machine too busy. */
  readonly bad: readonly string[];
  /** Waits for the requests under way. */
  end(): Promise<void>;
}

/** A busy machine has no connection to the database ready in time, whether servers are replaced or not. */
const TOO_BUSY = '"message":"The server is too busy to answer in time';

/** Sends these operations to the URL again and again, each by a client of its own. */
export function startLoad(url: string, token: string, operations: readonly (() => string)[]): Load {
  const agent = new http.Agent({ keepAlive: true });
  const bad: string[] = [];
  let good = 0;
  let isOver = false as boolean;
  const ask = (query: string) =>
    new Promise<void>((resolve) => {
      const failed = (what: string) => {
        bad.push(what);
        resolve();
      };
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      http
        .request(`${url}/graphql`, { method: 'POST', headers, agent }, (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (part: string) => (text += part));
          answer.on('end', () => {
            const isGood = /^\{"data":\{"\w+":\{/.test(text);
            if (!isGood && !text.includes(TOO_BUSY)) return failed(text);
            if (isGood) good++;
            resolve();
          });
        })
        .on('error', (error) => failed(error.message))
        .end(JSON.stringify({ query }));
    });
  const clients = operations.map(async (operation) => {
    while (!isOver) await ask(operation());
  });
  return {
    get good() {
      return good;
    },
    bad,
    async end() {
      isOver = true;
      await Promise.all(clients);
      agent.destroy();
    },
  };
}

/**
 * Starts and stops the server in processes. Proves that `npm start` needs only Node, that simultaneous first starts
 * share one database, and that a signal loses no request.
 */
import { readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findEmbedded } from '@tenantry/embedded-postgres';
import { endChildrenAfterAll } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import {
  askServer,
  makeDataFolder,
  removeDataFolder,
  startServer,
  tenantry,
  type RunningServer,
} from '../support/running-server.js';
import { LARGE_PLANS_FILE } from '../support/plans.js';
import { TEST_SECRET } from '../support/server.js';
import { until } from '../support/until.js';
import { start, expectSentence } from '../support/processes.js';

endChildrenAfterAll();

const ME = '{ me { role tenant { slug } } }';
/** Limits that a mutation which waits for the lock of a test does not reach before the lock is released. */
const PATIENT = { PLANS_FILE: LARGE_PLANS_FILE, REQUEST_TIMEOUT_MS: '60000' };

/** Runs `work` while another transaction locks the row of acme. */
async function whileLocked(
  url: string,
  work: (release: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const holder = new pg.Client({ connectionString: url });
  // When the database is stopped, the next statement fails. The event itself can be ignored.
  holder.on('error', () => undefined);
  await holder.connect();
  try {
    await holder.query('BEGIN');
    await holder.query("SELECT FROM tenants WHERE slug = 'acme' FOR UPDATE");
    await work(async () => {
      await holder.query('COMMIT');
    });
  } finally {
    await holder.end();
  }
}

/** Sends a mutation that waits for the lock, and returns the promise of its answer. */
async function waitingMutation(
  server: RunningServer,
  superuser: string,
  token: string,
  name: string,
): Promise<{ readonly answer: ReturnType<typeof askServer> }> {
  const answer = askServer(
    server.url,
    token,
    `mutation { updateTenant(input: { name: "${name}" }) { tenant { name } } }`,
  );
  answer.catch(() => undefined);
  const client = new pg.Client({ connectionString: superuser });
  await client.connect();
  const waiting = async () => {
    const { rowCount } = await client.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    return rowCount;
  };
  await until('a mutation waits for the lock', async () => (await waiting()) === 1);
  await client.end();
  return { answer };
}

const isListening = (server: RunningServer) =>
  fetch(`${server.url}/healthz`).then(
    () => true,
    () => false,
  );

const untilDraining = (server: RunningServer) =>
  until('the server accepts no connection', async () => !(await isListening(server)));

describe.concurrent('npm start on a machine with only Node', { timeout: 150_000 }, () => {
  let dataDir: string;
  let first: RunningServer;
  let bearer: string;
  const env = () => ({ TENANTRY_DATA_DIR: dataDir, ...PATIENT });

  beforeAll(async () => {
    dataDir = await makeDataFolder();
  });
  afterAll(async () => {
    await removeDataFolder(dataDir);
  });

  test(
    'creates a database, and prints tokens of the demo users that work',
    { concurrent: false },
    async () => {
      first = await startServer(env(), 'as npm start');
      bearer = first.tokens['owner@acme.test'] ?? '';
      const answers = await Promise.all(
        ['owner@acme.test', 'viewer@acme.test', 'member@globex.test'].map((email) =>
          askServer(first.url, first.tokens[email] ?? '', ME),
        ),
      );
      expect(answers.map(({ data }) => data)).toEqual([
        { me: { role: 'OWNER', tenant: { slug: 'acme' } } },
        { me: { role: 'VIEWER', tenant: { slug: 'acme' } } },
        { me: { role: 'MEMBER', tenant: { slug: 'globex' } } },
      ]);
    },
  );

  test('has nothing to complain of', { concurrent: false }, () => {
    expect(first.stderr).toBe('');
  });

  test(
    'prints the address of its database for the role of the server, and no password of another role',
    { concurrent: false },
    async () => {
      const urls = await findEmbedded(dataDir);
      expect(first.stdout).toContain(`  PostgreSQL ${urls?.app ?? 'none'}\n`);
      for (const url of [urls?.superuser, urls?.owner, urls?.operator])
        expect(first.stdout).not.toContain(new URL(url ?? '').password);
    },
  );

  test('serves the health checks, the metrics and the page to try it', { concurrent: false }, async () => {
    for (const path of ['/healthz', '/readyz', '/metrics', '/graphiql']) {
      expect((await fetch(first.url + path)).status).toBe(200);
    }
  });

  test(
    'takes an empty data folder for its own, and closes it and the secret in it to others',
    { concurrent: false },
    async () => {
      // Without this file the folder would keep its mode, and as root the database would be created elsewhere.
      expect(await readdir(dataDir)).toContain('.tenantry-data');
      expect((await stat(join(dataDir, 'jwt-secret'))).mode & 0o077).toBe(0);
    },
  );

  test(
    'for a second time attaches to the same database, and leaves it running when it ends',
    { concurrent: false },
    async () => {
      const second = await startServer(env(), 'as npm start');
      expect(second.url).not.toBe(first.url);
      expect((await askServer(second.url, bearer, ME)).data).toEqual({
        me: { role: 'OWNER', tenant: { slug: 'acme' } },
      });
      expect((await askServer(first.url, second.tokens['viewer@acme.test'] ?? '', ME)).status).toBe(200);
      second.kill('SIGTERM');
      expect(await second.ended).toMatchObject({ code: 0, signal: null });
      expect((await askServer(first.url, bearer, ME)).status).toBe(200);
    },
  );

  test(
    'lets commands find its database: `token` prints a token that works, and nothing else',
    { concurrent: false },
    async () => {
      const { code, stdout, stderr } = await tenantry(
        ['token', '--tenant', 'globex', '--user', 'admin@globex.test'],
        env(),
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
      expect((await askServer(first.url, stdout.trim(), ME)).data).toEqual({
        me: { role: 'ADMIN', tenant: { slug: 'globex' } },
      });
    },
  );

  test('lets `seed` and `migrate` find that there is nothing to do', { concurrent: false }, async () => {
    const [seeded, migrated] = await Promise.all([tenantry(['seed'], env()), tenantry(['migrate'], env())]);
    expect(seeded).toMatchObject({ code: 0, stdout: '', stderr: 'The demo tenants exist already.\n' });
    expect(migrated).toMatchObject({ code: 0, stdout: '', stderr: 'Nothing to apply.\n' });
  });

  test(
    'ends upon SIGTERM when the request under way is answered, and its database with it',
    { concurrent: false },
    async () => {
      const { superuser } = (await findEmbedded(dataDir)) ?? { superuser: '' };
      await whileLocked(superuser, async (release) => {
        const { answer } = await waitingMutation(first, superuser, bearer, 'Saved at the last moment');
        first.kill('SIGTERM');
        await untilDraining(first);
        await release();
        expect(await answer).toMatchObject({
          status: 200,
          data: { updateTenant: { tenant: { name: 'Saved at the last moment' } } },
        });
      });
      expect(await first.ended).toMatchObject({ code: 0, signal: null });
      expect(await findEmbedded(dataDir)).toBeUndefined();
    },
  );

  test('leaves no database to commands when it has ended', { concurrent: false }, async () => {
    expectSentence(
      await tenantry(['token', '--tenant', 'acme', '--user', 'owner@acme.test'], env()),
      /npm start/,
    );
  });

  test.each([
    // With this level it would tell that it starts the database.
    ['PORT', 'info', 'before it starts a database'],
    ['METRICS_PORT', 'warn', 'and stops the database it has started'],
  ])(
    'on a port in use (%s, at the level %s) says so in one sentence, %s',
    { concurrent: false },
    async (variable, level) => {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(0, 'localhost', resolve));
      const address = other.address();
      const port = typeof address === 'object' && address !== null ? String(address.port) : '';
      try {
        const ended = await start({ ...env(), [variable]: port, LOG_LEVEL: level });
        expectSentence(ended, new RegExp(`^Port ${port} is in use: .* set ${variable} to`));
      } finally {
        other.close();
      }
      expect(await findEmbedded(dataDir)).toBeUndefined();
    },
  );

  test(
    'again finds its data and honours its tokens, and ends in order upon Ctrl-C, which all its processes get',
    { concurrent: false },
    async () => {
      const again = await startServer({ ...env(), LOG_LEVEL: 'info' }, 'as npm start');
      expect(again.stdout).toMatch(
        /^Starting PostgreSQL in \S+ …\nApplying missing migrations …\nStarting the server …\n/m,
      );
      expect((await askServer(again.url, bearer, '{ tenant { name } }')).data).toEqual({
        tenant: { name: 'Saved at the last moment' },
      });
      const { superuser } = (await findEmbedded(dataDir)) ?? { superuser: '' };
      await whileLocked(superuser, async (release) => {
        const { answer } = await waitingMutation(again, superuser, bearer, 'Saved upon Ctrl-C');
        again.interrupt();
        await untilDraining(again);
        await release();
        expect(await answer).toMatchObject({
          status: 200,
          data: { updateTenant: { tenant: { name: 'Saved upon Ctrl-C' } } },
        });
      });
      const ended = await again.ended;
      expect(ended).toMatchObject({ code: 0, signal: null });
      expect(ended.stdout).not.toContain('still answering');
      expect(ended.stdout).toMatch(/told to stop\n[^]*stopped\n$/);
      expect(await findEmbedded(dataDir)).toBeUndefined();
    },
  );
});

describe.concurrent('two first starts at the same moment', { timeout: 150_000 }, () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await makeDataFolder();
  });
  afterAll(async () => {
    await removeDataFolder(dataDir);
  });

  test('share one database and both serve', async () => {
    const both = await Promise.all(
      [0, 1].map(() => startServer({ TENANTRY_DATA_DIR: dataDir }, 'as npm start')),
    );
    for (const { url, tokens } of both) {
      expect((await askServer(url, tokens['viewer@acme.test'] ?? '', ME)).status).toBe(200);
      expect((await askServer(url, tokens['member@globex.test'] ?? '', ME)).status).toBe(200);
    }
    for (const each of both) each.kill('SIGTERM');
    for (const each of both) expect(await each.ended).toMatchObject({ code: 0, signal: null });
    expect(await findEmbedded(dataDir)).toBeUndefined();
  });
});

describe.concurrent('a second signal', { timeout: 150_000 }, () => {
  const database = useDatabase();

  test('ends the process at once, for those who cannot wait', async () => {
    const env = { DATABASE_URL: database().app, JWT_SECRET: TEST_SECRET, ...PATIENT };
    const server = await startServer(env);
    await whileLocked(database().superuser, async () => {
      const token = await tenantry(['token', '--tenant', 'acme', '--user', 'owner@acme.test'], env);
      const { answer } = await waitingMutation(server, database().superuser, token.stdout.trim(), 'Lost');
      server.kill('SIGINT');
      await untilDraining(server);
      server.kill('SIGINT');
      expect(await server.ended).toMatchObject({ code: 1 });
      await expect(answer).rejects.toThrow(/socket hang up|ECONNRESET/);
    });
  });
});
